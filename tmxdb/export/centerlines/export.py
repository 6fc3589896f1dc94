"""Writes the centre line of each track in a selection: which replay it comes from, and one `.npy` file per track."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow
from tmxdb.export.centerlines.line_file import line_file
from tmxdb.paths import extended
from tmxdb.process_pool import process_pool
from tmxdb.queue.job import WorkerStopping
from tmxdb.storage import Storage, disk_errors, write_user_file
from tmxdb.storage.os_errors import CHOOSE_OUT

SOURCES = ("best", "record", "first")
MIN_TRACKS_FOR_PROCESSES = 20
"""Below this, starting processes takes longer than the work: 50 ms per track."""
_BATCH = 4
"""Tracks in flight per process."""


@dataclass(frozen=True, slots=True)
class LineSource:
    """The replay from which the centre line of a track is made. `file` is its path on this machine."""

    track_id: int
    replay_id: int
    respawns: int
    file: Path


@dataclass(frozen=True, slots=True)
class LineResult:
    """The outcome for one track: points written, or an error. `respawns`: jumps that may leave gaps in the line."""

    track_id: int
    replay_id: int
    points: int = 0
    respawns: int = 0
    error: str | None = None


def file_name(track_id: int, distance_m: float) -> str:
    """Return the name that rulka looks for: docs/facts/training.md#virtual-checkpoints."""
    return f"{track_id}_{float(distance_m)}m_cl.npy"


def line_sources(database: Database, data: Path, source: str, track_ids: Collection[int] = ()) -> list[LineSource]:
    """Return the source of each track that has a downloaded, finished replay on its present map.

    `source`: `best` is the replay with the lowest race time, `record` the first one on the leaderboard, `first` the one
    with the lowest id, which was uploaded first.
    """
    rank = func.row_number().over(partition_by=ReplayRow.track_id, order_by=_order(source))
    query = (
        select(
            ReplayRow.track_id,
            ReplayRow.replay_id,
            ReplayRow.file_path,
            func.coalesce(ReplayRow.respawn_events, ReplayRow.respawns, 0).label("respawns"),
            rank.label("rank"),
        )
        .outerjoin(MapRow, MapRow.track_id == ReplayRow.track_id)
        .where(
            ReplayRow.status == "done",
            ReplayRow.finished.is_(True),
            ReplayRow.race_time_ms > 0,
            or_(MapRow.uid.is_(None), ReplayRow.map_uid == MapRow.uid),
        )
        .subquery()
    )
    wanted = frozenset(track_ids)
    with database.read() as connection:
        rows = connection.execute(select(query).where(query.c.rank == 1).order_by(query.c.track_id))
        return [
            LineSource(row.track_id, row.replay_id, row.respawns, Storage(data).absolute(row.file_path))
            for row in rows
            if not wanted or row.track_id in wanted
        ]


def write_lines(
    out: Path,
    sources: Iterable[LineSource],
    distance_m: float,
    *,
    processes: int,
    force: bool,
    stop: threading.Event,
    on_result: Callable[[LineResult], object],
) -> None:
    """Write the file of each source to `out`. Raise WorkerStopping once `stop` is set, InvalidInput or DiskError."""
    out = extended(out)
    with disk_errors(str(out), instead=CHOOSE_OUT):
        out.mkdir(parents=True, exist_ok=True)
    for source, outcome in _computed(list(sources), distance_m, processes):
        if stop.is_set():
            raise WorkerStopping("the export was interrupted")
        if isinstance(outcome, str):
            on_result(LineResult(source.track_id, source.replay_id, error=outcome))
            continue
        points, data = outcome
        write_user_file(out / file_name(source.track_id, distance_m), data, force=force)
        on_result(LineResult(source.track_id, source.replay_id, points, source.respawns))


def _order(source: str) -> list[ColumnElement[Any]]:
    position: list[ColumnElement[Any]] = [ReplayRow.position.is_(None), ReplayRow.position.expression]
    best: list[ColumnElement[Any]] = [ReplayRow.race_time_ms.expression, ReplayRow.replay_id.expression]
    if source == "first":
        return [ReplayRow.replay_id.expression]
    return best if source == "best" else [*position, *best]


def _computed(
    sources: list[LineSource], distance_m: float, processes: int
) -> Iterator[tuple[LineSource, tuple[int, bytes] | str]]:
    """Yield each source with its outcome, in order. Memory holds a few files at a time."""
    if processes <= 1 or len(sources) < MIN_TRACKS_FOR_PROCESSES:
        for source in sources:
            yield source, line_file(source.file, distance_m)
        return
    with process_pool(processes) as pool:
        step = processes * _BATCH
        for at in range(0, len(sources), step):
            batch = sources[at : at + step]
            futures = [pool.submit(line_file, source.file, distance_m) for source in batch]
            yield from ((source, future.result()) for source, future in zip(batch, futures, strict=True))
