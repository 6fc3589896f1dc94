"""Writes maps and replays as TMF does: for the sandbox, for tests, and for trying out readers.

What is written has no track to drive on and no car that moved; every fact about it reads back, in pygbx too.
"""

from __future__ import annotations

from .challenge import write_challenge
from .replay import write_replay

__all__ = ["write_challenge", "write_replay"]
