"""Rows per second and memory of `tmxdb export`, against reading and writing the same rows with nothing else.

    python3 run.py bench export [--replays 100000] [--runs 10] [--frames 1000]

Tables: `floor` reads the same columns with sqlite3 and writes them with pyarrow in pages of the same size. Frames: it
reads manifests and pictures and writes the same rows with pyarrow, one file, and syncs nothing. Each measurement
runs in its own process. `CPU` is time of the processor, which other programs on the machine disturb less. `MB growth`
is the largest resident memory after a quarter of the time, minus that at the quarter: 0 is flat.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench._captures import Memory
from bench._frame_exports import KINDS
from bench._table import in_own_process, print_rows
from bench.loaders import fill as fill_captures

TABLES = ("replays", "checkpoints", "inputs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=100, help="input events per replay")
    parser.add_argument("--runs", type=int, default=10, help="captures")
    parser.add_argument("--frames", type=int, default=1000, help="frames of each capture")
    parser.add_argument("--size", type=int, default=64, help="width and height of a frame")
    wanted = parser.parse_args()
    if wanted.runs:
        measure_frames(wanted.runs, wanted.frames, wanted.size)
    if not wanted.replays:
        return
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "tmx.db"
        fill(database, wanted.replays, wanted.events)
        rows: list[list[Any]] = []
        for table in TABLES:
            floor = in_own_process("bench.export", "floor", database, table, "parquet")
            for form in ("parquet", "csv", "jsonl"):
                ran = in_own_process("bench.export", "tmxdb", database, table, form)
                seconds = ran["wall_s"]
                rows.append(
                    [table, form, ran["n"], ran["n"] / seconds, ran["mb"] / seconds,
                     seconds / floor["wall_s"] if form == "parquet" else "",
                     ran["cpu_s"] / floor["cpu_s"] if form == "parquet" else "",
                     ran["rss_most_mb"] - ran["rss_quarter_mb"]]
                )  # fmt: skip
        columns = ("table", "format", "rows", "rows/s", "MB/s", "time to floor", "CPU to floor", "MB growth")
        print_rows(f"{wanted.replays:,} replays", columns, rows)


def measure_frames(runs: int, frames: int, size: int) -> None:
    """Export captured frames in each format."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill_captures(root, runs, frames, size)
        floor, rows = in_own_process("bench._frame_exports", "floor", root), []
        for kind in ("floor", *KINDS):
            ran = floor if kind == "floor" else in_own_process("bench._frame_exports", kind, root)
            rows.append(
                [kind, ran["n"] / ran["wall_s"], ran["n"] / ran["cpu_s"], ran["mb"] / ran["wall_s"], ran["mb"],
                 ran["cpu_s"] / floor["cpu_s"], ran["rss_most_mb"] - ran["rss_quarter_mb"]]
            )  # fmt: skip
    columns = ("format", "frames/s", "frames/s of CPU", "MB/s", "MB", "CPU to floor", "MB growth")
    print_rows(f"{runs:,} captures of {frames:,} frames of {size}x{size}", columns, rows)


def fill(path: Path, replays: int, events: int) -> None:
    """Create a database with this many replays on a track for each hundred of them."""
    from tmxdb.db.database import Database
    from tmxdb.db.migrate import upgrade
    from tmxdb.db.packed_inputs import pack_inputs

    database = Database(str(path))
    upgrade(database)
    database.close()
    inputs = pack_inputs((10 * i, "Steer", 65536 - i) for i in range(events))
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "insert into tracks (track_id, status, listed_top, finished_at)"
            " values (?, 'done', 100, '2026-01-01T00:00:00.000Z')",
            [[track_id] for track_id in range(1, replays // 100 + 2)],
        )
        connection.executemany(
            "insert into replays (replay_id, track_id, status, finished_at, file_path, file_bytes, sha256,"
            " race_time_ms, finished, checkpoints_ms, user_name)"
            " values (?, ?, 'done', '2026-01-01T00:00:00.000Z', 'a', 1, ?, 23450, 1,"
            " '[4170, 9000, 12000, 18000, 23450]', 'ann')",
            [[n, n // 100 + 1, "0" * 64] for n in range(1, replays + 1)],
        )
        connection.executemany("insert into packed_inputs values (?, ?)", [[n, inputs] for n in range(1, replays + 1)])


def export(database: Path, table: str, form: str) -> tuple[int, int]:
    """Export as the command does. Return rows and bytes."""
    from tmxdb.db.database import Database
    from tmxdb.export.tables.export import export_table

    out = database.with_name(f"{table}.{form}")
    source = Database(str(database), read_only=True)
    rows = export_table(source, table, out, form, (), for_spreadsheet=False, force=True, stop=threading.Event())
    return rows, out.stat().st_size


def floor(database: Path, table: str, form: str) -> tuple[int, int]:
    """Read the same columns with sqlite3, and write them with pyarrow."""
    import pyarrow
    import pyarrow.parquet

    from tmxdb.db.packed_inputs import inputs_json
    from tmxdb.export.tables.sources import PAGE, table_sources

    source = table_sources()[table]
    flat = dict.fromkeys(("text", "time", "integers", "texts"), pyarrow.string())
    types = {"integer": pyarrow.int64(), "boolean": pyarrow.int64(), **flat}
    schema = pyarrow.schema([(column.name, types[column.type]) for column in source.columns])
    names = ", ".join(f'"{column.name}"' for column in source.columns)
    statements = {
        "checkpoints": "select replay_id, track_id, 1, race_time_ms, finished from replays",
        "inputs": "select replay_id, track_id, value ->> 0, value ->> 1, value ->> 2"
        " from packed_inputs join replays using (replay_id), json_each(inputs_json(events))",
    }
    out, rows = database.with_name(f"{table}.floor"), 0
    with (
        sqlite3.connect(database) as connection,
        pyarrow.parquet.ParquetWriter(out, schema, compression="zstd") as writer,
    ):
        connection.create_function("inputs_json", 1, inputs_json)
        cursor = connection.execute(statements.get(table, f"select {names} from {table}"))
        while page := cursor.fetchmany(PAGE):
            arrays = [pyarrow.array(values, field.type) for values, field in zip(zip(*page), schema)]  # noqa: B905
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            rows += len(page)
    return rows, out.stat().st_size


def measure(what: str, database: str, table: str, form: str) -> None:
    """Print one measurement as JSON."""
    import time

    import pyarrow.parquet  # noqa: F401  # imported before the memory is measured

    import tmxdb.export.tables.export  # noqa: F401

    measures: dict[str, Callable[[Path, str, str], tuple[int, int]]] = {"tmxdb": export, "floor": floor}
    memory, begin, cpu = Memory(), time.perf_counter(), time.process_time()
    rows, size = measures[what](Path(database), table, form)
    times = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu}
    print(json.dumps({"n": rows, "mb": size / 1e6, **times, **memory.summary()}))


if __name__ == "__main__":
    import sys

    if len(sys.argv) > 1 and sys.argv[1] in ("tmxdb", "floor"):
        measure(*sys.argv[1:])
    else:
        main()
