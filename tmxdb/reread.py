"""Reading files again that are there already: when tmxdb has learned to read more, older rows get the new facts.

Not a kind of job: rows keep their status. It resumes because each row says which version of the reader filled
it (`facts_version`); what was read again is not read a third time.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Table, bindparam, func, or_, select, update

from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.engine import Database
from tmxdb.db.models import Map, Replay, ReplayInputs, Track, table_of
from tmxdb.errors import TmxdbError
from tmxdb.kinds.facts import (
    FACTS_VERSION,
    input_events,
    map_columns,
    reader,
    replay_columns,
    whole_challenge,
    whole_replay,
)
from tmxdb.storage import Storage

CHUNK = 500
_tracks = table_of(Track)


@dataclass(frozen=True, slots=True)
class Read:
    """What a file said: columns for its row and inputs; or what is wrong with it."""

    item_id: int
    columns: dict[str, Any] | None
    events: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One file to read, in a process of its own: plain values only."""

    root: str
    table: str
    item_id: int
    path: str
    sha256: str
    track_uid: str | None
    reader: str
    inputs: bool


def to_read(database: Database, table: Table, *, everything: bool) -> int:
    """How many rows of `table` have a file whose facts are older than this reader."""
    with database.read() as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(*_outdated(table, everything))
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
    stop: threading.Event,
    on_read: Callable[[Read], None],
) -> None:
    """Read the files of `table` (replays or maps) again, 500 a transaction. Row status and files stay as they are."""
    for tasks in _chunks(database, storage, table, reader=reader, inputs=inputs, everything=everything):
        results = list(executor.map(read_file, tasks, chunksize=20))
        _write(database, table, [result for result in results if result.columns is not None])
        for result in results:
            on_read(result)
        if stop.is_set():
            return


def read_file(task: Task) -> Read:
    """The facts of one file. Runs in another process."""
    item = f"{task.table.rstrip('s')} {task.item_id} ({task.path})"
    try:
        data = Storage(Path(task.root)).read(task.path)
        if data is None:
            return Read(task.item_id, None, problem=f"{item}: the file is not there any more.")
        if hashlib.sha256(data).hexdigest() != task.sha256:
            return Read(task.item_id, None, problem=f"{item}: the file is not the one that was stored.")
        if task.table == "maps":
            challenge = whole_challenge(data, item, reader(task.reader))
            return Read(task.item_id, map_columns(challenge, task.track_uid))
        replay = whole_replay(data, item, reader(task.reader))
        columns = replay_columns(replay, task.track_uid)
        return Read(task.item_id, columns, input_events(replay) if task.inputs else None)
    except TmxdbError as error:
        return Read(task.item_id, None, problem=str(error))


def _chunks(
    database: Database, storage: Storage, table: Table, *, reader: str, inputs: bool, everything: bool
) -> Iterator[list[Task]]:
    key, after = table.primary_key.columns[0], -1
    while True:
        query = (
            select(key, table.c.file_path, table.c.sha256, _tracks.c.uid)
            .join(_tracks, _tracks.c.track_id == table.c.track_id)
            .where(key > after, *_outdated(table, everything))
            .order_by(key)
            .limit(CHUNK)
        )
        with database.read() as connection:
            rows = connection.execute(query).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [Task(str(storage.root), table.name, *row, reader, inputs) for row in rows]


def _outdated(table: Table, everything: bool) -> list[Any]:
    done = table.c.status == "done"
    older = or_(table.c.facts_version.is_(None), table.c.facts_version < FACTS_VERSION)
    return [done] if everything else [done, older]


def _write(database: Database, table: Table, results: list[Read]) -> None:
    if not results:
        return
    key = table.primary_key.columns[0]
    names = list(results[0].columns or ())
    statement = update(table).where(key == bindparam("read_key")).values({name: bindparam(name) for name in names})
    events = [{"replay_id": result.item_id, "events": result.events} for result in results if result.events]
    with database.write() as connection:
        connection.execute(statement, [{"read_key": result.item_id, **(result.columns or {})} for result in results])
        upsert(connection, NewRows(table_of(ReplayInputs), events, update=("events",)))


TABLES = {"replays": table_of(Replay), "maps": table_of(Map)}
