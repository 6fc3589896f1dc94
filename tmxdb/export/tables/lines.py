"""The table `lines`: the positions of the car in each downloaded replay, read from its file.

Reading a file takes some 10 ms of a processor, so the files of a page are read by several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path

from sqlalchemy import select

from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, table_of
from tmxdb.export.tables.line_rows import line_rows
from tmxdb.export.tables.sources import REPLAY_ID, TRACK_ID, Row, TableColumn, TableSource, selected_pages
from tmxdb.process_pool import process_pool

PAGE = 100
"""Replays per page: some 30,000 rows."""
_AXES = ("across the map", "up", "across the map")
_ANGLES = {
    "heading": "heading of the movement",
    "pitch": "pitch of the movement",
    "angle": "half the angle of the body's rotation, as in a unit quaternion",
    "axis_heading": "heading of the axis of that rotation",
    "axis_pitch": "pitch of the axis of that rotation",
}
_replays = table_of(ReplayRow)
LINES = TableSource(
    "lines",
    (
        REPLAY_ID,
        TRACK_ID,
        TableColumn("time_ms", "integer", "race time of the sample"),
        *(TableColumn(name, "real", f"position: {doc}", "m") for name, doc in zip("xyz", _AXES, strict=True)),
        TableColumn("speed_kmh", "number", "speed of the car"),
        *(TableColumn(name, "number", doc, "rad") for name, doc in _ANGLES.items()),
        TableColumn("jump", "boolean", "whether a respawn moved the car here from the sample before"),
        TableColumn("after_finish", "boolean", "whether it is later than the race time of the file; null without one"),
    ),
    select(_replays.c.replay_id, _replays.c.track_id, _replays.c.file_path).where(_replays.c.status == "done"),
    _replays.c.replay_id,
    _replays.c.track_id,
    lambda row: (),
    PAGE,
    (_replays.c.replay_id, _replays.c.track_id, _replays.c.sha256),
)
"""Columns as in `tmxdb.gbx.Sample`: metres (y is up), km/h, radians. The rows are made by `line_pages`."""


def line_pages(
    database: Database,
    data: Path,
    track_ids: Sequence[int],
    *,
    processes: int,
    on_problem: Callable[[int, str], object],
) -> Iterator[list[Row]]:
    """Yield the positions in pages. `on_problem` is called with each replay that has none, and why."""
    if processes <= 1:
        yield from pages_of_lines(database, data, LINES, track_ids, on_problem)
        return
    with process_pool(processes) as pool:
        yield from pages_of_lines(database, data, LINES, track_ids, on_problem, partial(pool.map, chunksize=4))


def pages_of_lines(
    database: Database,
    data: Path,
    source: TableSource,
    track_ids: Sequence[int],
    on_problem: Callable[[int, str], object],
    map_files: Callable[..., Iterator[list[Row] | str]] = map,
) -> Iterator[list[Row]]:
    """Yield the positions of the replays that `source`, `LINES` or a part of it, selects. `map_files` reads them."""
    for selected in selected_pages(database, source, track_ids):
        rows: list[Row] = []
        plain = [tuple(row) for row in selected]  # a row of SQLAlchemy cannot be sent to a process
        for row, found in zip(plain, map_files(line_rows, plain, repeat(data)), strict=True):
            if isinstance(found, str):
                on_problem(row[0], found)
            else:
                rows += found
        yield rows
