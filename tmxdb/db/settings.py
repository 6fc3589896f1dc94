"""Settings stored in the database: its id, its site, the contact, the request rate."""

from __future__ import annotations

import os

from sqlalchemy import Connection, select

from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.database import Database
from tmxdb.db.dialect import is_postgresql
from tmxdb.db.file_identity import HEARTBEATS_SETTING, ID_SETTING
from tmxdb.db.models import RateLimitRow, SettingRow, table_of

_settings = table_of(SettingRow)


def setting(connection: Connection, key: str) -> str | None:
    """Return the stored value of `key`."""
    return connection.execute(select(_settings.c.value).where(_settings.c.key == key)).scalar()


def remember(connection: Connection, key: str, value: str) -> None:
    """Store `value` under `key`."""
    upsert(connection, NewRows(_settings, [{"key": key, "value": value}], update=("value",)))


def database_id(connection: Connection) -> str:
    """Return the random id of this database; create it in the write transaction of `connection` if it has no id yet.

    A copy of the database keeps it: it names the collection that a data folder belongs to.
    """
    known = setting(connection, ID_SETTING)
    if known is None:
        upsert(connection, NewRows(_settings, [{"key": ID_SETTING, "value": os.urandom(8).hex()}]))
        known = setting(connection, ID_SETTING)  # another process may have been faster
    return known or ""


def count_heartbeat(connection: Connection) -> None:
    """Count a heartbeat, by which an older copy of a SQLite file is recognised. A server has no file to overwrite."""
    if not is_postgresql(connection):
        remember(connection, HEARTBEATS_SETTING, str(int(setting(connection, HEARTBEATS_SETTING) or 0) + 1))


def remembered_rate(database: Database) -> tuple[bool, float | None]:
    """Return whether a request rate was ever set for this database, and which (None: no limit)."""
    with database.read() as connection:
        row = connection.execute(select(RateLimitRow.rate).where(RateLimitRow.id == 1)).first()
    return (True, row[0]) if row else (False, None)
