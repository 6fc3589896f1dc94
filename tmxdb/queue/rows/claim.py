"""Claiming: one statement that picks pending rows, marks them as running and returns them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    Update,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.clock import iso
from tmxdb.db.bulk import fetch
from tmxdb.db.dialect import any_of, array, engine_name, picking
from tmxdb.db.models import SelectionTrackRow, table_of
from tmxdb.db.selected import NamedRows, Scope, among
from tmxdb.queue.job import PENDING, Job, Kind

OF_SELECTION = "selection"
_members = table_of(SelectionTrackRow)


def claim(
    connection: Connection,
    kind: Kind,
    *,
    worker: str,
    n: int,
    now_ms: int,
    of_group: Any = None,
    selection: Scope | None = None,
    from_rank: int = 0,
) -> list[Job]:
    """Claim up to `n` pending rows for `worker`, the most urgent first. Each is charged an attempt.

    `of_group`: claim only rows with this value in the kind's group column (`groups.py`). `selection`: claim only rows
    of its tracks, in its order, without the tracks before `from_rank`; or rows that were named, in no particular order.
    """
    if n < 1:
        return []
    now = iso(now_ms)
    parameters: dict[str, Any] = {"worker": worker, "n": n}
    group, by = None, None
    if of_group is not None:
        group, parameters["of_group"] = getattr(kind, "group", None), of_group
    if isinstance(selection, NamedRows):
        by, parameters = selection.column, parameters | selection.parameters()
    elif selection is not None and of_group is None:
        by, parameters["selection"], parameters["from_rank"] = OF_SELECTION, selection, from_rank
    statement = claiming(kind.table, kind.needs, engine_name(connection), group, by)
    rows = fetch(connection, statement, parameters)
    needs = [column.name for column in kind.needs]
    return [
        Job(kind.name, item_id, token, attempt, priority, now, dict(zip(needs, facts, strict=True)), losses)
        for priority, item_id, token, attempt, losses, *facts in sorted(rows, key=_urgency)
    ]


_urgency = itemgetter(0, 1)
"""Sort key: priority, then key. RETURNING guarantees no order."""


@cache
def claiming(
    table: Table,
    needs: tuple[NamedColumn[Any], ...],
    engine: str,
    group: Column[Any] | None = None,
    by: str | None = None,
) -> Update:
    """Return the claim statement, with the parameters `worker` and `n`; with `group` also `of_group`.

    `by`: OF_SELECTION needs the parameter `selection`, the name of a column needs `ids`.

    Cached, because building it costs more than running it. Tests check its query plan.
    """
    key = key_of(table)
    if by == OF_SELECTION:
        rows = next_selected(table)
    elif by is not None:
        rows = next_named(table, by, group=group)
    else:
        rows = next_pending(table, group)
    return (
        update(table)
        .where(key.in_(picking(rows, engine, table)))
        .values(
            status="running",
            claimed_by=bindparam("worker"),
            attempts=table.c.attempts + 1,
            claim_token=table.c.claim_token + 1,
        )
        .returning(table.c.priority, key, table.c.claim_token, table.c.attempts, table.c.losses, *needs)
    )


@cache
def next_pending(table: Table, group: Column[Any] | None = None) -> Select[Any]:
    """Select the keys of the `n` most urgent pending rows. The partial index answers it alone, without a sort.

    Rows of one group are found by the index on the group column: among a million pending rows they are too far apart
    to search in priority order. Adding 0 prevents SQLite from choosing the other index.
    """
    key = key_of(table)
    pending = select(key).where(table.c.status == PENDING)
    if group is None:
        pending = pending.order_by(table.c.priority, key)
    else:
        pending = pending.where(group == bindparam("of_group")).order_by(table.c.priority + literal_column("0"), key)
    return pending.limit(bindparam("n"))


@cache
def next_selected(table: Table, column: Column[Any] | None = None) -> Select[Any]:
    """Select the key (or `column`) of the first `n` pending rows of a selection, in the order of its tracks.

    For each track an index finds its pending rows, so rows outside the selection are not looked at, however many
    there are. CROSS JOIN makes SQLite begin with the tracks; it would otherwise sort all pending rows. Tracks before
    the parameter `from_rank` are left out; without it, none are.
    """
    name = (key_of(table) if column is None else column).name
    wanted: ColumnElement[Any] = literal_column(f"{table.name}.{name}").label(name)
    return (
        select(wanted)
        .select_from(text(f"selection_tracks CROSS JOIN {table.name}"))
        .where(
            literal_column("selection_tracks.selection") == bindparam("selection"),
            literal_column("selection_tracks.rank", Integer) >= bindparam("from_rank", 0),
            text(f"{table.name}.track_id = selection_tracks.track_id AND {table.name}.status = 'pending'"),
        )
        .order_by(literal_column("selection_tracks.rank"))
        .limit(bindparam("n"))
    )


@cache
def next_named(
    table: Table, by: str, column: Column[Any] | None = None, group: Column[Any] | None = None
) -> Select[Any]:
    """Select the key (or `column`) of `n` pending rows with one of the numbers `ids` in the column `by`.

    Without ORDER BY, the ids lead to the rows, however many others are pending.
    """
    wanted = key_of(table) if column is None else column
    pending = select(wanted).where(table.c.status == PENDING, among(table, by))
    if group is not None:
        pending = pending.where(group == bindparam("of_group"))
    return pending.limit(bindparam("n"))


def first_pending(table: Table, selection: Scope | None, n: int) -> tuple[Select[Any], dict[str, Any]]:
    """Return the statement that selects the next `n` rows to claim, and its parameters."""
    if selection is None:
        return next_pending(table), {"n": n}
    if isinstance(selection, NamedRows):
        return next_named(table, selection.column), {"n": n, **selection.parameters()}
    return next_selected(table), {"n": n, "selection": selection}


def last_rank(connection: Connection, table: Table, selection: str, jobs: Sequence[Job]) -> int:
    """Return the largest rank in `selection` of the tracks of `jobs`, which are rows of `table`."""
    engine = engine_name(connection)
    parameters = {"selection": selection, "keys": array([job.item_id for job in jobs], engine)}
    ((rank,),) = fetch(connection, _last_rank(table, engine), parameters)
    return int(rank)


@cache
def _last_rank(table: Table, engine: str) -> Select[Any]:
    tracks = select(table.c.track_id).where(any_of(key_of(table), "keys", engine))
    of_selection = (_members.c.selection == bindparam("selection"), _members.c.track_id.in_(tracks))
    return select(func.coalesce(func.max(_members.c.rank), 0)).where(*of_selection)


def held_claims(connection: Connection, claims: Sequence[tuple[Table, Job]]) -> list[bool]:
    """Return for each job of a table whether its row is still running under its claim."""
    engine = engine_name(connection)
    held: set[tuple[Table, int, int]] = set()
    for table in {table for table, _ in claims}:
        keys = array([job.item_id for of_table, job in claims if of_table is table], engine)
        rows = fetch(connection, _tokens(table, engine), {"keys": keys, "running": "running"})
        held |= {(table, key, token) for key, token in rows}
    return [(table, job.item_id, job.token) in held for table, job in claims]


@cache
def _tokens(table: Table, engine: str) -> Select[Any]:
    # "running" as a parameter: with a literal, SQLite would read all running rows instead of looking up these few.
    key, running = key_of(table), table.c.status == bindparam("running")
    return select(key, table.c.claim_token).where(any_of(key, "keys", engine), running)


def key_of(table: Table) -> Column[Any]:
    """Return the primary key of a job table, which is one column."""
    return table.primary_key.columns[0]
