"""A note in `settings` that a process is doing something which a second one on the same database must not do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, delete

from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.database import Database, shown
from tmxdb.db.dialect import lock_for_transaction
from tmxdb.db.models import SettingRow
from tmxdb.db.settings import remember, setting
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.process_identity import other_process, process_note


@contextmanager
def only_process(database: Database, command: str, *, never_beside: Sequence[str] = ()) -> Iterator[None]:
    """Note for this block that this process runs `command`. It is ignored once this process has ended.

    Raise InvalidInput while another process of this machine has noted the same, or one of the commands `never_beside`.
    """
    key, note = f"running {command}", json.dumps(process_note())
    with database.write() as connection:
        lock_for_transaction(connection, AdvisoryLock.PROCESS_NOTES)
        for other in (command, *never_beside):
            refuse_running(_noted(connection, f"running {other}"), other, shown(database.location))
        remember(connection, key, note)
    try:
        yield
    finally:
        with suppress(DatabaseError), database.write() as connection:
            connection.execute(delete(SettingRow).where(SettingRow.key == key, SettingRow.value == note))


def refuse_running(note: Mapping[str, Any] | None, command: str, name: str) -> None:
    """Raise InvalidInput if `note` is a `process_note` of another process of this machine that runs.

    `name`: the database, for the message.
    """
    pid = other_process(note)
    if pid is not None:
        raise InvalidInput(
            f"{name}: another `tmxdb {command}` is running (process {pid}). Wait until it ends, then run the same"
            " command again.",
            code="input.at_work",
        )


def _noted(connection: Connection, key: str) -> dict[str, Any] | None:
    stored = setting(connection, key)
    return None if stored is None else dict(json.loads(stored))
