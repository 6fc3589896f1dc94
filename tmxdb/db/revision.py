"""Which revisions of the schema this tmxdb knows, and what to say about a database of another one.

It imports neither Alembic nor SQLAlchemy (0.2 s each), so that commands that only read start fast.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tmxdb.errors import DatabaseError

HEAD = "0012"
"""The newest revision. A test compares it with the files in `migrations/versions`."""
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
COPYING = "copying"
"""Stands for the revision while `tmxdb copy-db` fills a database: other commands must not use an unfinished copy."""


def is_ours(tables: Collection[str]) -> bool:
    """Return whether the tables of a database are tmxdb's; False if there are none. Raise DatabaseError for others."""
    if "alembic_version" in tables and "tracks" in tables and "replays" in tables:
        return True
    if not set(tables) - {"alembic_version"}:
        return False
    raise DatabaseError(
        f"this database was not made by tmxdb: it has the tables {', '.join(sorted(tables)[:5])}."
        " Choose another with --db.",
        code="db.foreign",
    )


def check_file(path: Path | None, name: str) -> None:
    """Raise DatabaseError unless there is a SQLite file with content at `path`; None is a server."""
    refuse_folder(path)
    if path is not None and not (path.is_file() and path.stat().st_size > 0):
        raise DatabaseError(
            f"no database at {name}. Create it with `tmxdb sync-tracks` or `tmxdb migrate`.", code="db.missing"
        )


def refuse_folder(path: Path | None) -> None:
    """Raise DatabaseError if `path` is a folder."""
    if path is not None and path.is_dir():
        raise DatabaseError(
            f'{path} is a folder, not a database. Give the file in it, for example --db "{path / "tmx.db"}".',
            code="db.folder",
        )


def check_known(revision: str | None, name: str, known: Collection[str], head: str) -> None:
    """Raise DatabaseError for an unfinished copy, and for a revision that a newer tmxdb made."""
    if revision == COPYING:
        raise DatabaseError(
            f"{name} is an unfinished copy. Continue it with the same `tmxdb copy-db` command as before.",
            code="db.half_copy",
        )
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"{name} was made by a newer tmxdb (revision {revision}; this one knows up to {head}). Update tmxdb.",
            code="db.newer",
        )


def check_current(revision: str | None, name: str, head: str) -> None:
    """Raise DatabaseError unless `revision` is the newest."""
    if revision is None:
        raise DatabaseError(
            f"{name} is empty. Create the tables with `tmxdb sync-tracks` or `tmxdb migrate`.", code="db.missing"
        )
    if revision != head:
        raise DatabaseError(
            f"{name} was made by an older tmxdb (revision {revision}, now {head}). Upgrade it with `tmxdb migrate`.",
            code="db.older",
        )
