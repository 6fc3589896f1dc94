"""The revision of a database: whether it is tmxdb's, too old or too new, and upgrading an older one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tmxdb.db import revision
from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.database import Database, shown
from tmxdb.db.dialect import character_encoding, lock_for_transaction
from tmxdb.db.revision import COPYING, HEAD
from tmxdb.errors import DatabaseError

__all__ = ["COPYING", "HEAD", "changing_schema", "ensure_current", "migrations_folder", "revision_of", "upgrade"]
_KNOWN = revision.KNOWN


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the database, or None if it is empty. Raise DatabaseError if another program made it."""
    tables = set(inspect(connection).get_table_names())
    if not revision.is_ours(tables):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def ensure_current(database: Database, *, or_older: bool = False) -> None:
    """Raise DatabaseError unless the database exists and has the newest revision (`or_older`: or an older one)."""
    name = shown(database.location)
    revision.check_file(database.path, name)
    with database.read() as connection:
        found = _checked_revision(connection, name)
    if found is None or not or_older:
        revision.check_current(found, name, HEAD)


def upgrade(database: Database) -> tuple[str | None, str]:
    """Create the tables, or upgrade an older database, in one transaction. Return the revisions before and after.

    Views and triggers of users stay as they are. Raise DatabaseError if one of them would no longer work.
    """
    name = shown(database.location)
    revision.refuse_folder(database.path)
    if database.path is not None and not database.path.absolute().parent.is_dir():
        raise DatabaseError(
            f"no folder {database.path.absolute().parent} for the database. Create it, or choose another with --db.",
            code="db.missing",
        )
    with database.read() as connection:
        before = _checked_revision(connection, name)
        if before is None:
            _check_encoding(connection, name)
    if before == HEAD:
        return before, HEAD

    from tmxdb.db.user_objects.keeping import user_objects_kept  # imports the models, which other commands need not

    with changing_schema(database) as connection:
        if _checked_revision(connection, name) != HEAD:
            with user_objects_kept(connection, name):
                _run_revisions(connection)
    return before, HEAD


@contextmanager
def changing_schema(database: Database) -> Iterator[Connection]:
    """Open a write transaction for schema changes; only one runs at a time.

    Two processes that start on an empty database must not both create the tables. `env.py` uses it, too, when a
    developer calls Alembic.
    """
    database.enable_wal()
    with database.write_without_foreign_keys() as connection:
        lock_for_transaction(connection, AdvisoryLock.MIGRATION)
        yield connection


def migrations_folder() -> Path:
    """Return the folder of the revisions: inside the package when installed from a wheel, otherwise next to it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _run_revisions(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_encoding(connection: Connection, name: str) -> None:
    """Raise DatabaseError if the database cannot store the name of every track and driver."""
    encoding = character_encoding(connection)
    if encoding != "UTF8":
        raise DatabaseError(
            f"{name} has the encoding {encoding}; tmxdb needs UTF8. Create a database that has it, for example with"
            " `createdb -T template0 -E UTF8 NAME`.",
            code="db.encoding",
        )


def _checked_revision(connection: Connection, name: str) -> str | None:
    try:
        found = revision_of(connection)
    except DatabaseError as error:
        raise DatabaseError(f"{name}: {error}", code=error.code) from None
    revision.check_known(found, name, _KNOWN, HEAD)
    return found
