"""Conditions for rows of the tracks in a selection, or of tracks and replays that a user named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, exists, false, func, select

from tmxdb.db.dialect import listed_numbers, packed_numbers
from tmxdb.db.models import SelectionRow, SelectionTrackRow, table_of

if TYPE_CHECKING:
    from typing import TypeAlias

MAX_IDS_PER_STATEMENT = 10_000
"""Parameters of one statement: SQLite allows 32,766, PostgreSQL 65,535."""
_members = table_of(SelectionTrackRow)


@dataclass(frozen=True, slots=True)
class NamedRows:
    """The rows with these ids in `column`, such as `track_id` or `replay_id`. A table without it has none."""

    column: str
    ids: tuple[int, ...]

    def parameters(self) -> dict[str, str]:
        """Return the parameter of the condition that `among` returns."""
        return {"ids": packed_numbers(self.ids)}


Scope: TypeAlias = "str | NamedRows"
"""The rows that a command is about: the name of a selection, or rows that were named."""


def is_selected(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a row of `table` is in `scope`, for a few rows to check one by one."""
    if isinstance(scope, NamedRows):
        return in_selection(table, scope)
    return exists().where(_members.c.selection == scope, _members.c.track_id == table.c.track_id)


def in_selection(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Return the same condition, for going from the tracks of the selection, or from the ids, to their rows."""
    if isinstance(scope, NamedRows):
        ids: Any = bindparam("ids", packed_numbers(scope.ids), unique=True)
        return _among(table.c[scope.column], ids) if scope.column in table.c else false()
    return table.c.track_id.in_(select(_members.c.track_id).where(_members.c.selection == scope))


def among(table: Table, column: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the numbers in the parameter `ids`; for statements that are kept."""
    return _among(table.c[column], bindparam("ids")) if column in table.c else false()


def existing_ids(connection: Connection, column: Any, ids: Iterable[int]) -> set[int]:
    """Return those of `ids` that a row has in `column`."""
    wanted = list(ids)
    found: set[int] = set()
    for start in range(0, len(wanted), MAX_IDS_PER_STATEMENT):
        some = wanted[start : start + MAX_IDS_PER_STATEMENT]
        found.update(connection.execute(select(column).where(column.in_(some)).distinct()).scalars())
    return found


def missing_ids(connection: Connection, column: Any, ids: Iterable[int]) -> list[int]:
    """Return those of `ids` that no row has in `column`, each once, in the order given."""
    wanted = list(dict.fromkeys(ids))
    found = existing_ids(connection, column, wanted)
    return [item_id for item_id in wanted if item_id not in found]


def wanted_top(table: Table) -> ColumnElement[int | None]:
    """Return the largest `top` of the selections that a row's track is in; NULL if none of them has one."""
    selections = table_of(SelectionRow)
    return (
        select(func.max(selections.c.top))
        .select_from(_members.join(selections, selections.c.name == _members.c.selection))
        .where(_members.c.track_id == table.c.track_id)
        .correlate(table)
        .scalar_subquery()
    )


def _among(column: Column[Any], ids: Any) -> ColumnElement[bool]:
    return column.in_(listed_numbers(ids))
