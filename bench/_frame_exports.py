"""Export captured frames as the command does, for benchmarks of exports and of their readers.

`python -m bench._frame_exports KIND FOLDER`    exports the mirror in FOLDER and prints rows, bytes, times and memory
`python -m bench._frame_exports floor FOLDER`   reads the same frames and writes the same rows with pyarrow alone
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tmxdb.export.frames.plan import ExportOptions

KINDS = ("parquet", "webdataset", "huggingface", "huggingface-files", "lerobot", "lerobot-video", "minari", "rulka")


def export_frames(
    root: Path,
    out: Path,
    form: str,
    pictures: str = "rows",
    *,
    shard_frames: int = 10_000,
    part: str = "train",
    vcp: str = "",
) -> float:
    """Export all captures of the mirror in `root` into one part. Return the seconds of the processor."""
    from tmxdb.db.database import Database
    from tmxdb.export.frames.capture_filter import CaptureFilter, select_captures
    from tmxdb.export.frames.sharded_export import open_export

    database = Database(str(root / "tmx.db"), read_only=True)
    options = ExportOptions(form, {part: 1.0}, 0, shard_frames, "all", pictures, vcp=vcp)
    begin = time.process_time()
    data_set = open_export(out, options, lambda: select_captures(database, CaptureFilter()))
    data_set.write(root / "data", stop=threading.Event(), on_frame=lambda: None, on_shard=lambda shard: None)
    database.close()
    return time.process_time() - begin


def write_floor(root: Path, out: Path) -> None:
    """Read every manifest and picture, and write them as one Parquet file in the columns and groups of the export."""
    import pyarrow
    import pyarrow.parquet

    from tmxdb.export.frames.parquet import ROW_GROUP_SIZE, schema

    out.mkdir()
    columns, remaining = schema(), _rows(root)
    with pyarrow.parquet.ParquetWriter(out / "floor.parquet", columns, compression="zstd") as writer:
        while rows := list(islice(remaining, ROW_GROUP_SIZE)):
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=columns))


def _rows(root: Path) -> Iterator[dict[str, Any]]:
    for folder in sorted((root / "data/frames").glob("*/*")):
        for entry in json.loads((folder / "manifest.json").read_bytes()):
            state = entry.pop("state")
            state["rotation"] = [value for row in state["rotation"] for value in row]
            picture = {"bytes": (folder / entry["file"]).read_bytes(), "path": entry["file"]}
            yield {**state, **entry.pop("inputs"), **entry, "image": picture}


def measure(kind: str, folder: str) -> None:
    """Print one measurement as JSON."""
    import pyarrow.parquet  # noqa: F401  # imported before the memory is measured

    from bench._captures import Memory

    root = Path(folder)
    out = root / f"out-{kind}"
    memory, begin, cpu = Memory(), time.perf_counter(), time.process_time()
    if kind == "floor":
        write_floor(root, out)
    else:
        form, _, pictures = kind.partition("-")
        export_frames(root, out, form, pictures or "rows")
    times = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu}
    n = sum(1 for _ in (root / "data/frames").rglob("*.jpeg"))
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(json.dumps({"n": n, "mb": size / 1e6, **times, **memory.summary()}))


if __name__ == "__main__":
    measure(*sys.argv[1:])
