"""The database from Python: `tmxdb.open("tmx.db")` returns a `Mirror` of tracks, replays, captures and SQL."""

from __future__ import annotations

from tmxdb.api.captures import CapturedPicture, MirroredCapture
from tmxdb.api.mirror import Mirror
from tmxdb.api.rows import MirroredReplay, MirroredTrack

__all__ = ["CapturedPicture", "Mirror", "MirroredCapture", "MirroredReplay", "MirroredTrack"]
