"""Read stored files again, so that older rows get the facts that newer versions of tmxdb can read.

This is not a kind of job: rows keep their status. It can be interrupted and continued, because each row stores the
version of the reader that filled it (`facts_version`). A run that reads all files has `upkeep/reread_progress.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from sqlalchemy import Connection, Table, func, or_, select

from tmxdb.db.bulk import KEY, NewRows, execute_many, updating, upsert
from tmxdb.db.database import Database
from tmxdb.db.dialect import engine_name, inputs_for, locking
from tmxdb.db.models import MapRow, ReplayInputsRow, ReplayRow, TrackRow, table_of
from tmxdb.db.selected import in_selection
from tmxdb.kinds.facts import FACTS_VERSION
from tmxdb.kinds.stored_facts import RereadResult, RereadTask, read_file
from tmxdb.storage import Storage

CHUNK = 500
_tracks = table_of(TrackRow)


def count_outdated(
    database: Database, table: Table, *, everything: bool, selection: str | None = None, after: int
) -> int:
    """Return how many rows of `table` (of `selection`) with an id above `after` have a file that an older reader read.

    `everything`: count all files.
    """
    key = table.primary_key.columns[0]
    with database.read() as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(key > after, *_outdated(table, everything, selection))
        ).scalar_one()


def reread(
    database: Database,
    storage: Storage,
    table: Table,
    executor: Executor,
    *,
    reader: str,
    inputs: bool,
    everything: bool,
    selection: str | None = None,
    after: int,
    stop: threading.Event,
    on_read: Callable[[RereadResult], None],
    on_chunk: Callable[[int, int], None] = lambda last_id, files: None,
) -> None:
    """Read the files of `table` (replays or maps) again and update their rows, 500 rows per transaction.

    `selection`: only the files of its tracks. `after`: only rows with a larger id. `on_chunk` is called with the last
    id and the number of files of each transaction.

    Row status and files are not changed. Returns after the current 500 files when `stop` is set. The next 500 are read
    while these are written.
    """
    chunks = _task_chunks(
        database, storage, table, reader=reader, inputs=inputs, everything=everything, selection=selection, after=after
    )
    for results in _read_ahead(executor, chunks):
        _write(database, table, [result for result in results if result.columns is not None])
        for result in results:
            on_read(result)
        if results:
            on_chunk(results[-1].item_id, len(results))
        if stop.is_set():
            return


def _read_ahead(executor: Executor, chunks: Iterator[list[RereadTask]]) -> Iterator[list[RereadResult]]:
    """Yield the results of each chunk while the next one is being read."""
    reading: Iterator[RereadResult] = iter(())
    for tasks in chunks:
        ready, reading = reading, executor.map(read_file, tasks, chunksize=20)
        yield list(ready)
    yield list(reading)


def _task_chunks(
    database: Database,
    storage: Storage,
    table: Table,
    *,
    reader: str,
    inputs: bool,
    everything: bool,
    selection: str | None,
    after: int,
) -> Iterator[list[RereadTask]]:
    key = table.primary_key.columns[0]
    while True:
        query = (
            select(key, table.c.file_path, table.c.sha256, _tracks.c.uid)
            .join(_tracks, _tracks.c.track_id == table.c.track_id)
            .where(key > after, *_outdated(table, everything, selection))
            .order_by(key)
            .limit(CHUNK)
        )
        with database.read() as connection:
            rows = connection.execute(query).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [RereadTask(str(storage.root), table.name, *row, reader, inputs) for row in rows]


def _outdated(table: Table, everything: bool, selection: str | None) -> list[Any]:
    done = [table.c.status == "done", *([] if selection is None else [in_selection(table, selection)])]
    older = or_(table.c.facts_version.is_(None), table.c.facts_version < FACTS_VERSION)
    return done if everything else [*done, older]


def _write(database: Database, table: Table, results: list[RereadResult]) -> None:
    if not results:
        return
    engine = engine_name(database.engine)
    with database.write() as connection:
        unchanged = _unchanged(connection, table, results)
        kept = [result for result in results if result.item_id in unchanged]
        rows = [{KEY: result.item_id, **(result.columns or {})} for result in kept]
        if rows:
            execute_many(connection, updating(table, tuple(rows[0]), engine), rows)
        events = [
            {"replay_id": result.item_id, "events": inputs_for(engine, result.events)}
            for result in kept
            if result.events
        ]
        upsert(connection, NewRows(table_of(ReplayInputsRow), events, update=("events",)))


def _unchanged(connection: Connection, table: Table, results: list[RereadResult]) -> set[int]:
    """Return the rows that still have the file that was read: a worker may have stored another one meanwhile."""
    key = table.primary_key.columns[0]
    read = {result.item_id: result.sha256 for result in results}
    query = select(key, table.c.sha256).where(key.in_(read), table.c.status == "done").order_by(key)
    return {item_id for item_id, sha256 in connection.execute(locking(query)) if sha256 == read[item_id]}


TABLES = {"replays": table_of(ReplayRow), "maps": table_of(MapRow)}
