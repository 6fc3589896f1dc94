"""Drop views and triggers of users on SQLite, and create them again.

All of them: each time a table is renamed, SQLite reads the whole schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, exc

from tmxdb.db.explained import first_line
from tmxdb.db.user_objects.own_names import is_own_trigger, is_own_view
from tmxdb.db.user_objects.refusal import restoring, would_break


@dataclass(frozen=True, slots=True)
class _Object:
    kind: str
    name: str
    table: str
    sql: str


def take_away(connection: Connection) -> Callable[[], None]:
    """Drop the views and triggers of users. Return the function that creates them again.

    It raises DatabaseError if one that worked before would no longer work.
    """
    objects = _of_users(connection)
    faults = {each.name: _faults(connection, each) for each in objects}
    for each in reversed(objects):  # a view's triggers would be dropped with it
        connection.exec_driver_sql(f"DROP {each.kind} {_quoted(each.name)}")

    def restore() -> None:
        for each in objects:
            with restoring(f"{each.kind} {each.name}"):
                connection.exec_driver_sql(each.sql)
        for each in objects:
            for statement, reason in _faults(connection, each).items():
                if statement not in faults[each.name]:
                    raise would_break(f"{each.kind} {each.name}", reason)

    return restore


def _of_users(connection: Connection) -> list[_Object]:
    """Return the views and triggers of users: first the views, each kind in the order in which it was created."""
    found = connection.exec_driver_sql(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
        " ORDER BY type = 'trigger', rowid"
    )
    objects = [_Object(*row) for row in found.fetchall()]
    return [each for each in objects if not (is_own_view if each.kind == "view" else is_own_trigger)(each.name)]


def _faults(connection: Connection, each: _Object) -> Mapping[str, str]:
    """Return the kinds of statements that SQLite refuses for a view or for the table of a trigger, and why.

    SQLite resolves the names in views and triggers when they are used. A view of a user may be broken before the
    upgrade, for example because it calls a function that only the connections of that user have. The statements change
    no rows. They are no EXPLAIN: SQLite does not compile a cached one again after a change of the schema.
    """
    found = {}
    for kind in ("SELECT",) if each.kind == "view" else ("INSERT", "UPDATE", "DELETE"):
        try:
            connection.exec_driver_sql(_use(connection, kind, _quoted(each.table))).close()
        except exc.DatabaseError as error:
            found[kind] = first_line(error.orig)
    return found


def _use(connection: Connection, kind: str, table: str) -> str:
    if kind == "SELECT":
        return f"SELECT * FROM {table} LIMIT 0"
    if kind == "DELETE":
        return f"DELETE FROM {table} WHERE 0"
    names = [_quoted(row[1]) for row in connection.exec_driver_sql(f"PRAGMA table_info({table})").fetchall()]
    if kind == "UPDATE":
        return f"UPDATE {table} SET {', '.join(f'{name} = {name}' for name in names)} WHERE 0"
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(names)} FROM {table} WHERE 0"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
