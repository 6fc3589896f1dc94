"""The schema's age: is this database ours, too old or too new, and bring an older one up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tmxdb.db.engine import Database, shown
from tmxdb.errors import DatabaseTrouble

HEAD = "0003"
"""The newest revision, known here so that a plain command need not import Alembic (0.2 s). A test compares."""

_KNOWN = ("0001", "0002", "0003")
COPYING = "copying"
"""In the place of the revision while `tmxdb copy-db` fills a database: nobody may take half of one for the whole."""
_ONE_AT_A_TIME = 0x746D786462


def revision_of(connection: Connection) -> str | None:
    """The revision of the database; None for one that is empty. Raises DatabaseTrouble for a foreign one."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables and "tracks" in tables and "replays" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if not tables - {"alembic_version"}:
        return None
    raise DatabaseTrouble(
        f"this database was not made by tmxdb: it has the tables {', '.join(sorted(tables)[:5])}."
        " Choose another with --db.",
        code="db.foreign",
    )


def ensure_current(database: Database) -> None:
    """Raise DatabaseTrouble unless the database is there and of the present revision."""
    name = shown(database.location)
    if database.path is not None and not _has_content(database.path):
        raise DatabaseTrouble(
            f"no database at {name}. Create it with `tmxdb sync-tracks` or `tmxdb migrate`.", code="db.missing"
        )
    with database.read() as connection:
        revision = _checked_revision(connection, name)
    if revision is None:
        raise DatabaseTrouble(
            f"{name} is empty. Create the tables with `tmxdb sync-tracks` or `tmxdb migrate`.", code="db.missing"
        )
    if revision != HEAD:
        raise DatabaseTrouble(
            f"{name} was made by an older tmxdb (revision {revision}, now {HEAD})."
            " Bring it up to date with `tmxdb migrate`.",
            code="db.older",
        )


def upgrade(database: Database) -> tuple[str | None, str]:
    """Create the tables or bring them up to date, in one transaction; answers the revisions before and after."""
    name = shown(database.location)
    if database.path is not None and not database.path.absolute().parent.is_dir():
        raise DatabaseTrouble(
            f"no folder {database.path.absolute().parent} for the database. Create it, or choose another with --db.",
            code="db.missing",
        )
    with database.read() as connection:
        before = _checked_revision(connection, name)
    if before == HEAD:
        return before, HEAD

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    with changing_schema(database) as connection:
        if _checked_revision(connection, name) != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return before, HEAD


@contextmanager
def changing_schema(database: Database) -> Iterator[Connection]:
    """A writing transaction of which there is only one at a time: two processes that begin on an empty database
    must not both create the tables. Also for `env.py`, when a developer calls Alembic."""
    database.write_ahead()
    with database.write_unreferenced() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        yield connection


def migrations_folder() -> Path:
    """Where the revisions lie: inside the package when installed from a wheel, else beside it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _checked_revision(connection: Connection, name: str) -> str | None:
    try:
        revision = revision_of(connection)
    except DatabaseTrouble as error:
        raise DatabaseTrouble(f"{name}: {error}", code=error.code) from None
    if revision == COPYING:
        raise DatabaseTrouble(
            f"{name} is half of a copy that was broken off. Go on with the same `tmxdb copy-db` as before.",
            code="db.half_copy",
        )
    if revision is not None and revision not in _KNOWN:
        raise DatabaseTrouble(
            f"{name} was made by a newer tmxdb (revision {revision}; this one knows up to {HEAD}). Update tmxdb.",
            code="db.newer",
        )
    return revision
