"""Copy one database to another, of any engines: resumable, and compared at the end.

Each batch of rows and the position it reaches are written in one transaction. Until the end the target has `copying`
in the place of its revision, so that no other command uses an unfinished copy.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text

from tmxdb.clock import Clock, iso
from tmxdb.db.database import Database, shown
from tmxdb.db.dialect import analyze, locking
from tmxdb.db.migrate import COPYING, HEAD, ensure_current, revision_of, upgrade
from tmxdb.db.models import SettingRow, table_of
from tmxdb.db.only_process import refuse_running
from tmxdb.db.settings import remember, setting
from tmxdb.db.transfer import (
    CleanedRows,
    batch_of,
    digest,
    key_of_row,
    put,
    read_after,
    recount,
    set_counters,
    tables,
)
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.process_identity import process_note
from tmxdb.upkeep.stale_workers import registered_workers

_KEY = "copying"
_COMPLETE = "whole"  # in stored positions; an interrupted copy of an earlier version continues
_settings = table_of(SettingRow)


@dataclass(slots=True)
class Copying:
    """What a copy needs. `on_rows` gets a table and how many of its rows were copied; `on_step` the current step."""

    source: Database
    target: Database
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    on_rows: Callable[[str, int], None] = lambda table, n: None
    on_step: Callable[[str], None] = lambda step: None
    cleaned: CleanedRows = field(default_factory=CleanedRows)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The state of a target. `began`: when its interrupted copy began, None for a new one.

    `is_filled`: it has rows and is not an unfinished copy: a complete copy, or something else.
    """

    began: str | None = None
    is_filled: bool = False


def prepare(copying: Copying, *, restart: bool = False) -> Prepared:
    """Check that this copy may be made, and prepare a target that is empty or an unfinished copy of the same source.

    Raise InvalidInput if workers run on one of the two, or the target is an unfinished copy of another database.
    """
    source, target = copying.source, copying.target
    if _identity(source) == _identity(target) or _same_file(source, target):
        raise InvalidInput(
            f"{shown(source.location)} cannot be copied onto itself: the source and the target are one"
            " database. Give another target.",
            code="input.same",
        )
    ensure_current(source)
    refuse_workers(source, copying.clock)
    stored = None if restart else _unfinished(target)
    if stored is not None:
        positions = json.loads(stored)
        if positions["from"] != _identity(source):
            raise InvalidInput(
                f"{shown(target.location)} is an unfinished copy of {positions['from']}, not of"
                f" {_identity(source)}. Continue that copy, or give another target.",
                code="input.other_copy",
            )
        with target.write() as connection:
            _claim(connection, target, _positions(connection))
        return Prepared(str(positions["began"]))
    if _revision(target) not in (None, COPYING):
        ensure_current(target)
        refuse_workers(target, copying.clock)
        with target.read() as connection:
            if _filled(connection):
                return Prepared(is_filled=True)
    claim_target(copying, restart=restart)
    return Prepared()


def carry_over(copying: Copying, reading: Connection) -> bool:
    """Copy all remaining rows as `reading` sees them; return False if `stop` was set before the end."""
    for table in tables():
        while True:
            with copying.target.read() as connection:
                after = _positions(connection)["after"].get(table.name)
            if after == [_COMPLETE]:
                break
            last = None if after is None else after[1]
            rows = read_after(reading, table, last, batch_of(table))
            with copying.target.write() as connection:
                position = [_COMPLETE] if not rows else ["", key_of_row(table, rows[-1])]
                _advance(connection, copying.target, table, after, position)
                if rows:
                    put(connection, table, rows, copying.cleaned)
            copying.on_rows(table.name, len(rows))
            if copying.stop.is_set():
                return False
    return True


def check(copying: Copying, reading: Connection) -> dict[str, int]:
    """Return the number of rows of each table if both sides are equal; empty if `stop` was set before the end.

    Raise DatabaseError if they differ. Texts are compared without NUL, which PostgreSQL cannot store.
    """
    found, differ = _compared(copying, reading)
    if differ:
        raise DatabaseError(
            f"the copy differs from {shown(copying.source.location)}: {', '.join(differ)}."
            " If a program wrote to one of them meanwhile, stop it and start over with --restart.",
            code="db.copy_differs",
        )
    return found


def check_whole(copying: Copying, reading: Connection) -> dict[str, int]:
    """Compare as `check` does, for a target that already has rows: a complete copy without changes since.

    Raise InvalidInput with the tables that differ if it is anything else.
    """
    found, differ = _compared(copying, reading)
    if differ:
        raise InvalidInput(
            f"{shown(copying.target.location)} is not empty, and differs from {shown(copying.source.location)}:"
            f" {', '.join(differ)}. Give a target that is empty or does not exist.",
            code="input.not_empty",
        )
    if found:
        _update_statistics(copying.target)  # the copy may have been killed just before
    return found


def _compared(copying: Copying, reading: Connection) -> tuple[dict[str, int], list[str]]:
    """Return the number of rows of each table, and the tables that differ; both empty if `stop` was set first."""
    found, differ = {}, []
    clean = copying.target.path is None
    with copying.target.read() as there:
        for table in tables():
            copying.on_step(table.name)
            own_keys = frozenset({_KEY}) if table is _settings else frozenset()
            ours = digest(reading, table, clean=clean, stop=copying.stop)
            theirs = digest(there, table, clean=clean, stop=copying.stop, without=own_keys)
            if copying.stop.is_set():
                return {}, []
            found[table.name] = ours[0]
            if ours != theirs:
                differ.append(f"{table.name} ({ours[0]:,} rows, {theirs[0]:,} in the copy)")
    return found, differ


def finish(copying: Copying) -> None:
    """Turn the target into a database that other commands accept."""
    with copying.target.write() as connection:
        recount(connection)
        set_counters(connection)
        connection.execute(delete(SettingRow).where(SettingRow.key == _KEY))
        _set_revision(connection, HEAD)
    _update_statistics(copying.target)


def _update_statistics(target: Database) -> None:
    with target.write() as connection:
        analyze(connection)


def refuse_workers(database: Database, clock: Clock) -> None:
    """Raise InvalidInput with their names if workers run on `database`."""
    with database.read() as connection:
        alive = [worker for worker in registered_workers(connection, clock()) if worker.alive]
    if alive:
        names = "; ".join(map(str, alive[:5]))
        raise InvalidInput(
            f"{shown(database.location)}: workers are running: {names}. Stop them first. `tmxdb release` removes"
            " one that has died.",
            code="input.at_work",
        )


def _identity(database: Database) -> str:
    return os.path.realpath(database.path) if database.path is not None else shown(database.location)


def _same_file(source: Database, target: Database) -> bool:
    """Return whether both are one SQLite file: with hard links it has several paths."""
    if source.path is None or target.path is None:
        return False
    try:
        return os.path.samefile(source.path, target.path)
    except OSError:  # one of them does not exist
        return False


def _unfinished(target: Database) -> str | None:
    """Return the stored positions of an unfinished copy."""
    if _revision(target) != COPYING:
        return None
    with target.read() as connection:
        return setting(connection, _KEY)


def _revision(target: Database) -> str | None:
    if target.path is not None and not (target.path.is_file() and target.path.stat().st_size):
        return None
    with target.read() as connection:
        return revision_of(connection)


def claim_target(copying: Copying, *, restart: bool = False) -> None:
    """Create empty tables in the target and mark it as a copy. Raise InvalidInput if it has rows."""
    target, name = copying.target, shown(copying.target.location)
    revision = _revision(target)
    try:
        if revision is None:
            upgrade(target)
        elif revision != COPYING:
            ensure_current(target)
            refuse_workers(target, copying.clock)
    except DatabaseError as error:
        if error.code == "db.half_copy":  # since `_revision` looked
            with target.read() as connection:
                _refuse_second(connection, target)
        raise
    positions = {"from": _identity(copying.source), "began": iso(copying.clock()), "after": {}}
    with target.write() as connection:
        _refuse_second(connection, target)
        if revision == COPYING:  # with --restart
            _refuse_other(connection, name, positions["from"])
            for table in reversed(tables()):
                connection.execute(delete(table))
        filled = _filled(connection)
        if filled:  # since `prepare` looked
            raise InvalidInput(
                f"{name} is not empty: table {filled[0]} has rows. Give a target that is empty or does not exist.",
                code="input.not_empty",
            )
        _claim(connection, target, positions)
        _set_revision(connection, COPYING)


def _claim(connection: Connection, target: Database, positions: dict[str, Any]) -> None:
    """Store `positions` with this process. Raise InvalidInput while another one copies to the target."""
    _refuse_second(connection, target)
    remember(connection, _KEY, json.dumps({**positions, "process": process_note()}))


def _refuse_second(connection: Connection, target: Database) -> None:
    refuse_running(_positions(connection).get("process"), "copy-db", shown(target.location))


def _filled(connection: Connection) -> list[str]:
    return [table.name for table in tables() if connection.execute(select(table).limit(1)).first()]


def _refuse_other(connection: Connection, name: str, source: Any) -> None:
    other = _positions(connection)["from"]
    if other != source:
        raise InvalidInput(f"{name} is an unfinished copy of {other}. Give another target.", code="input.other_copy")


def _set_revision(connection: Connection, revision: str) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _positions(connection: Connection) -> dict[str, Any]:
    positions: dict[str, Any] = json.loads(setting(connection, _KEY) or '{"from": null, "after": {}}')
    return positions


def _advance(connection: Connection, target: Database, table: Table, before: Any, after: Any) -> None:
    """Store the position `after` if it still is `before`: two processes must not both write the same rows."""
    query = select(_settings.c.value).where(_settings.c.key == _KEY)
    positions = json.loads(connection.execute(locking(query)).scalar() or '{"after": {}}')
    if "from" not in positions or positions["after"].get(table.name) != before:
        raise InvalidInput(
            f"{shown(target.location)}: another `tmxdb copy-db` has begun to write to it. Wait until it ends, then run"
            " the same command again.",
            code="input.at_work",
        )
    positions["after"][table.name] = after
    remember(connection, _KEY, json.dumps(positions))


def rows_in(database: Database) -> int:
    """Return how many rows there are to copy, from the tally and `packed_inputs`; other tables are small."""
    with database.read() as connection:
        kinds = connection.execute(text("SELECT coalesce(sum(n), 0) FROM tally")).scalar_one()
        inputs = connection.execute(select(func.count()).select_from(text("packed_inputs"))).scalar_one()
    return int(kinds) + int(inputs)
