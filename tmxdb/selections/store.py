"""Selections in the database: look one up by name, list, save and drop them."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from tmxdb.clock import iso
from tmxdb.db.models import SelectionRow, SelectionTrackRow, table_of
from tmxdb.selections.selection import Listed, Selection, selection_of, unknown_selection

_selections, _members = table_of(SelectionRow), table_of(SelectionTrackRow)


def names(connection: Connection) -> list[str]:
    """Return the names of all selections, sorted."""
    return sorted(connection.execute(select(_selections.c.name)).scalars())


def find(connection: Connection, name: str) -> Selection:
    """Return the selection `name`. Raise InvalidInput, with the closest name, if there is none."""
    row = connection.execute(select(_selections).where(_selections.c.name == name)).mappings().first()
    if row is None:
        raise unknown_selection(name, names(connection))
    return selection_of(dict(row))


def find_if_any(connection: Connection, name: str) -> Selection | None:
    """Return the selection `name`, or None."""
    row = connection.execute(select(_selections).where(_selections.c.name == name)).mappings().first()
    return None if row is None else selection_of(dict(row))


def listed(connection: Connection) -> list[Listed]:
    """Return all selections with the number of their tracks, by name."""
    n = select(func.count()).where(_members.c.selection == _selections.c.name).scalar_subquery()
    rows = connection.execute(select(_selections, n.label("n")).order_by(_selections.c.name)).mappings()
    return [Listed(selection_of(dict(row)), row["n"]) for row in rows]


def save(connection: Connection, selection: Selection, now_ms: int) -> None:
    """Insert the selection, or replace its definition. Its tracks stay as they are."""
    values = {
        "is_live": selection.is_live,
        "filter": None if selection.query is None else selection.query.to_json(),
        "where_sql": selection.where,
        "top": selection.top,
        "priority": selection.priority,
        "updated_at": iso(now_ms),
    }
    known = update(_selections).where(_selections.c.name == selection.name).values(**values)
    if not connection.execute(known).rowcount:
        connection.execute(insert(_selections).values(name=selection.name, created_at=iso(now_ms), **values))


def mark_applied(connection: Connection, name: str, now_ms: int) -> None:
    """Store that the tracks of the selection have just been chosen."""
    connection.execute(update(_selections).where(_selections.c.name == name).values(applied_at=iso(now_ms)))


def drop(connection: Connection, name: str) -> int:
    """Forget the selection; its tracks stay in the database. Return how many it had."""
    find(connection, name)
    n = connection.execute(delete(_members).where(_members.c.selection == name)).rowcount
    connection.execute(delete(_selections).where(_selections.c.name == name))
    return n
