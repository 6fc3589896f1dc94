"""One database into another, of whichever engines: resumed where it was broken off, and checked at the end.

Each batch of rows and the mark how far it goes are written in one transaction. Until the end the target carries the
mark `copying` in the place of its revision: no other command takes half a copy for a database.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text

from tmxdb.clock import Clock, iso
from tmxdb.db.engine import Database, shown
from tmxdb.db.migrate import COPYING, HEAD, ensure_current, revision_of, upgrade
from tmxdb.db.models import Setting, table_of
from tmxdb.db.settings import remember, setting
from tmxdb.db.transfer import (
    Cleaned,
    batch_of,
    digest,
    key_of_row,
    put,
    read_after,
    recount,
    set_counters,
    tables,
)
from tmxdb.errors import BadInput, DatabaseTrouble
from tmxdb.upkeep.gone import signed_in

_KEY = "copying"
_WHOLE = "whole"
_settings = table_of(Setting)


@dataclass(slots=True)
class Copying:
    """What a copy needs to know. `on_rows`: so many more rows of a table are over; `on_step`: what comes now."""

    source: Database
    target: Database
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    on_rows: Callable[[str, int], None] = lambda table, n: None
    on_step: Callable[[str], None] = lambda step: None
    cleaned: Cleaned = field(default_factory=Cleaned)


@dataclass(frozen=True, slots=True)
class Prepared:
    """How far a copy is. `began`: since when it goes, None if it begins now. `is_whole`: there are rows in the target
    already, and it is no half copy: an older copy that came to its end, or something else."""

    began: str | None = None
    is_whole: bool = False


def prepare(copying: Copying, *, anew: bool = False) -> Prepared:
    """See that this copy may be made, and make the target ready if it is nothing or half a copy of this very source.

    Raises BadInput where workers are at work on one of the two, or the target is half a copy of something else.
    """
    source, target = copying.source, copying.target
    if _identity(source) == _identity(target):
        raise BadInput(f"{shown(source.location)} can not be copied onto itself.", code="input.same")
    ensure_current(source)
    refuse_workers(source, copying.clock)
    began = None if anew else _half(target)
    if began is not None:
        told = json.loads(began)
        if told["from"] != _identity(source):
            raise BadInput(
                f"{shown(target.location)} is half of a copy of {told['from']}, not of {_identity(source)}."
                " Go on with that one, or give another target.",
                code="input.other_copy",
            )
        return Prepared(str(told["began"]))
    if _revision(target) not in (None, COPYING):
        ensure_current(target)
        refuse_workers(target, copying.clock)
        with target.read() as connection:
            if _filled(connection):
                return Prepared(is_whole=True)
    claim_target(copying, anew=anew)
    return Prepared()


def carry_over(copying: Copying, reading: Connection) -> bool:
    """All rows that are not over yet, as `reading` sees them; answers False if `stop` was set before the end."""
    for table in tables():
        while True:
            with copying.target.read() as connection:
                after = _marks(connection)["after"].get(table.name)
            if after == [_WHOLE]:
                break
            last = None if after is None else after[1]
            rows = read_after(reading, table, last, batch_of(table))
            with copying.target.write() as connection:
                _move_mark(connection, table, after, [_WHOLE] if not rows else ["", key_of_row(table, rows[-1])])
                if rows:
                    put(connection, table, rows, copying.cleaned)
            copying.on_rows(table.name, len(rows))
            if copying.stop.is_set():
                return False
    return True


def check(copying: Copying, reading: Connection) -> dict[str, int]:
    """Rows of each table, which are the same on both sides; empty if `stop` was set before the end.

    Raises DatabaseTrouble if they are not. On PostgreSQL a text has no NUL: compared is what it can hold.
    """
    found, differ = _compared(copying, reading)
    if differ:
        raise DatabaseTrouble(
            f"the copy is not what {shown(copying.source.location)} is now: {', '.join(differ)}. Has somebody written"
            " meanwhile? Begin again with --anew.",
            code="db.copy_differs",
        )
    return found


def check_whole(copying: Copying, reading: Connection) -> dict[str, int]:
    """As `check`, for a target that was there already: a copy that came to its end before, and nothing changed since.

    Raises BadInput, with the tables that differ, if it is anything else.
    """
    found, differ = _compared(copying, reading)
    if differ:
        raise BadInput(
            f"{shown(copying.target.location)} is not empty, and not what {shown(copying.source.location)} is now:"
            f" {', '.join(differ)}. Give a target that is empty or not there yet.",
            code="input.not_empty",
        )
    if found:
        _plan_anew(copying.target)  # a copy may have been killed just before
    return found


def _compared(copying: Copying, reading: Connection) -> tuple[dict[str, int], list[str]]:
    """Rows of each table, and the tables that differ; both empty if `stop` was set before the end."""
    found, differ = {}, []
    clean = copying.target.path is None
    with copying.target.read() as there:
        for table in tables():
            copying.on_step(table.name)
            its_marks = frozenset({_KEY}) if table is _settings else frozenset()
            ours = digest(reading, table, clean=clean, stop=copying.stop)
            theirs = digest(there, table, clean=clean, stop=copying.stop, without=its_marks)
            if copying.stop.is_set():
                return {}, []
            found[table.name] = ours[0]
            if ours != theirs:
                differ.append(f"{table.name} ({ours[0]:,} rows, {theirs[0]:,} in the copy)")
    return found, differ


def finish(copying: Copying) -> None:
    """The target is a database of its own from now on."""
    with copying.target.write() as connection:
        recount(connection)
        set_counters(connection)
        connection.execute(delete(Setting).where(Setting.key == _KEY))
        _set_revision(connection, HEAD)
    _plan_anew(copying.target)


def _plan_anew(target: Database) -> None:
    """On PostgreSQL: or the first queries would be planned for empty tables."""
    if target.path is None:
        with target.write() as connection:
            connection.execute(text("ANALYZE"))


def refuse_workers(database: Database, clock: Clock) -> None:
    """Raise BadInput, with their names, if workers are at work."""
    with database.read() as connection:
        alive = [worker for worker in signed_in(connection, clock()) if worker.alive]
    if alive:
        names = "; ".join(map(str, alive[:5]))
        raise BadInput(
            f"{shown(database.location)}: {len(alive)} at work: {names}. End them first;"
            " one that is gone is struck off with `tmxdb release`.",
            code="input.at_work",
        )


def _identity(database: Database) -> str:
    return str(Path(database.path).resolve()) if database.path is not None else shown(database.location)


def _half(target: Database) -> str | None:
    """The marks of a copy that was broken off."""
    if _revision(target) != COPYING:
        return None
    with target.read() as connection:
        return setting(connection, _KEY)


def _revision(target: Database) -> str | None:
    if target.path is not None and not (target.path.is_file() and target.path.stat().st_size):
        return None
    with target.read() as connection:
        return revision_of(connection)


def claim_target(copying: Copying, *, anew: bool) -> None:
    """Nothing but the tables in the target, and the mark that a copy has begun. Raises BadInput if there is more."""
    target, name = copying.target, shown(copying.target.location)
    revision = _revision(target)
    if revision is None:
        upgrade(target)
    elif revision != COPYING:
        ensure_current(target)
        refuse_workers(target, copying.clock)
    marks = {"from": _identity(copying.source), "began": iso(copying.clock()), "after": {}}
    with target.write() as connection:
        if revision == COPYING:  # somebody said --anew
            _refuse_other(connection, name, marks["from"])
            for table in reversed(tables()):
                connection.execute(delete(table))
        filled = _filled(connection)
        if filled:  # since `prepare` looked
            raise BadInput(
                f"{name} is not empty: there are rows in {filled[0]}. Give a target that is empty or not there yet.",
                code="input.not_empty",
            )
        remember(connection, _KEY, json.dumps(marks))
        _set_revision(connection, COPYING)


def _filled(connection: Connection) -> list[str]:
    return [table.name for table in tables() if connection.execute(select(table).limit(1)).first()]


def _refuse_other(connection: Connection, name: str, source: Any) -> None:
    told = _marks(connection)["from"]
    if told != source:
        raise BadInput(f"{name} is half of a copy of {told}. Give another target.", code="input.other_copy")


def _set_revision(connection: Connection, revision: str) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _marks(connection: Connection) -> dict[str, Any]:
    marks: dict[str, Any] = json.loads(setting(connection, _KEY) or '{"from": null, "after": {}}')
    return marks


def _move_mark(connection: Connection, table: Table, before: Any, after: Any) -> None:
    """Only from where we saw it: two that copy into one target must not both write the same rows."""
    query = select(_settings.c.value).where(_settings.c.key == _KEY)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    marks = json.loads(connection.execute(query).scalar() or '{"after": {}}')
    if "from" not in marks or marks["after"].get(table.name) != before:
        raise BadInput("another `tmxdb copy-db` is at work on the same target. Let it end.", code="input.at_work")
    marks["after"][table.name] = after
    remember(connection, _KEY, json.dumps(marks))


def rows_in(database: Database) -> int:
    """How many rows there are to copy, but for those that are few: from the tally, and of inputs."""
    with database.read() as connection:
        kinds = connection.execute(text("SELECT coalesce(sum(n), 0) FROM tally")).scalar_one()
        inputs = connection.execute(select(func.count()).select_from(text("inputs"))).scalar_one()
    return int(kinds) + int(inputs)
