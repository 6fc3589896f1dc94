"""What the database remembers about itself: its site, the contact, how tracks are ranked."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.engine import Database
from tmxdb.db.models import Politeness, Setting, table_of

_settings = table_of(Setting)


def setting(connection: Connection, key: str) -> str | None:
    """A remembered value."""
    return connection.execute(select(_settings.c.value).where(_settings.c.key == key)).scalar()


def remember(connection: Connection, key: str, value: str) -> None:
    """Keep `value` from now on."""
    upsert(connection, NewRows(_settings, [{"key": key, "value": value}], update=("value",)))


def remembered_rate(database: Database) -> tuple[bool, float | None]:
    """Whether a rate was ever set for this database, and which (None: without limit)."""
    with database.read() as connection:
        row = connection.execute(select(Politeness.rate).where(Politeness.id == 1)).first()
    return (True, row[0]) if row else (False, None)
