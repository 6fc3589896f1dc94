"""Reading the facts of one stored file, in another process. Imports no SQLAlchemy, which takes five times as
long as all else here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import TmxdbError
from tmxdb.kinds.facts import input_events, map_columns, parse_challenge, parse_replay, reader, replay_columns
from tmxdb.storage import Storage, id_name

_REPAIR = "Run `tmxdb verify --hash --repair` to download it again."
_PUT_BACK = "Put it back: no exchange has it."


@dataclass(frozen=True, slots=True)
class RereadResult:
    """Columns and inputs read from one file, or the problem with it."""

    item_id: int
    columns: dict[str, Any] | None
    events: bytes | None = None
    problem: str | None = None
    sha256: str | None = None
    """Of the file that was read."""


@dataclass(frozen=True, slots=True)
class RereadTask:
    """One file to read. Plain values only, because it is sent to another process."""

    root: str
    table: str
    item_id: int
    path: str
    sha256: str
    track_uid: str | None
    reader: str
    inputs: bool


def read_file(task: RereadTask) -> RereadResult:
    """Return the facts of one file. Runs in another process."""
    item = f"{task.table.rstrip('s')} {id_name(task.item_id)} ({task.path})"
    repair = _REPAIR if task.item_id > 0 else _PUT_BACK
    try:
        data = Storage(Path(task.root)).read(task.path)
        if data is None:
            return RereadResult(task.item_id, None, problem=f"{item}: the file is missing. {repair}")
        if hashlib.sha256(data).hexdigest() != task.sha256:
            problem = f"{item}: the file has changed since it was stored. {repair}"
            return RereadResult(task.item_id, None, problem=problem)
        if task.table == "maps":
            challenge = parse_challenge(data, item, reader(task.reader))
            return RereadResult(task.item_id, map_columns(challenge, task.track_uid), sha256=task.sha256)
        replay = parse_replay(data, item, reader(task.reader))
        columns = replay_columns(replay, task.track_uid)
        events = input_events(replay) if task.inputs else None
        return RereadResult(task.item_id, columns, events, sha256=task.sha256)
    except TmxdbError as error:
        return RereadResult(task.item_id, None, problem=str(error))
