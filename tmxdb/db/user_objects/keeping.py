"""Change the schema and keep the views and triggers of users, on either engine.

SQLite rewrites views when a table is renamed, and refuses to rename a table while a view or trigger is broken.
PostgreSQL refuses to drop a view that other views use, and drops the grants with it. So what users made is dropped
before the change, and created again from the same text after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, exc

from tmxdb.db.dialect import POSTGRESQL, SQLITE, engine_name
from tmxdb.db.user_objects import postgresql, sqlite
from tmxdb.db.user_objects.refusal import conflict
from tmxdb.errors import DatabaseError

_TAKE_AWAY = {SQLITE: sqlite.take_away, POSTGRESQL: postgresql.take_away}


@contextmanager
def user_objects_kept(connection: Connection, name: str) -> Iterator[None]:
    """Keep views and triggers of users over a change of the schema, in the transaction of `connection`.

    Raise DatabaseError about the database `name` if one of them would not work after the change, or prevents it. The
    caller rolls back.
    """
    try:
        restore = _TAKE_AWAY[engine_name(connection)](connection)
        yield
        restore()
    except exc.DatabaseError as error:
        refused = conflict(error)
        if refused is None:
            raise
        raise DatabaseError(f"{name}: {refused}", code=refused.code) from error
    except DatabaseError as error:
        raise DatabaseError(f"{name}: {error}", code=error.code) from error.__cause__
