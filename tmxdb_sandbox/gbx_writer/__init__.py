"""Write maps and replays in the layout of TMF, for the sandbox and for tests.

The maps have no road to drive on. Every fact that is written can be read back, also by pygbx.
"""

from __future__ import annotations

from tmxdb_sandbox.gbx_writer.challenge import write_challenge
from tmxdb_sandbox.gbx_writer.replay import write_replay

__all__ = ["write_challenge", "write_replay"]
