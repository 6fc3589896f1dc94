"""The command line in a folder of its own."""

from __future__ import annotations

from tests.tool import tool

__all__ = ["tool"]
