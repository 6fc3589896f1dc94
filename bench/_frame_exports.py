"""Export captured frames as the command does, for benchmarks of exports and of their readers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tmxdb.export.frames.plan import ExportOptions


def export_frames(root: Path, out: Path, form: str, pictures: str = "rows", *, shard_frames: int = 10_000) -> float:
    """Export all captures of the mirror in `root` into one part. Return the seconds of the processor."""
    from tmxdb.db.engine import Database
    from tmxdb.export.frames.capture_filter import CaptureFilter, select_captures
    from tmxdb.export.frames.sharded_export import open_export

    database = Database(str(root / "tmx.db"), read_only=True)
    options = ExportOptions(form, {"train": 1.0}, 0, shard_frames, "all", pictures)
    begin = time.process_time()
    data_set = open_export(out, options, lambda: select_captures(database, CaptureFilter()))
    data_set.write(root / "data", stop=threading.Event(), on_frame=lambda: None, on_shard=lambda shard: None)
    database.close()
    return time.process_time() - begin
