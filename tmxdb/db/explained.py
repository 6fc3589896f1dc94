"""Errors of the engines that a user can cause or repair, each with what to do. Imports no library."""

from __future__ import annotations

from tmxdb.errors import DatabaseError
from tmxdb.paths import too_long

_LOCKED = (
    "Another program has locked the database for a long time: close that program, then run the same command again."
)
_DAMAGED = "The file is damaged: go back to a backup, or try sqlite3's `.recover`."
_AGAIN = "Run the same command again: nothing is lost."
_SIGNS = (
    ("database is locked", "db.busy", _LOCKED),
    ("disk is full", "disk.full", "Make room, then run the same command again: nothing is lost."),
    ("readonly database", "db.read_only", "Check the permissions of the file and its folder."),
    (
        "has no equivalent in encoding",
        "db.encoding",
        "Create a database with `createdb -T template0 -E UTF8 NAME` and copy this one there with `tmxdb copy-db`.",
    ),
    ("unable to open", "db.unwritable", "Check that its folder exists and can be written."),
    ("not a database", "db.foreign", "Choose another file with --db."),
    ("disk image is malformed", "db.broken", _DAMAGED),
    ("malformed database schema", "db.broken", _DAMAGED),
    ("disk I/O error", "db.disk", "Check the disk; a database on a network share is not safe."),
)
"""What an English-speaking driver says."""
_STATES = (
    ("55P03", "db.busy", _LOCKED),
    ("40P01", "db.deadlock", f"Two programs waited for each other, and the server ended this transaction. {_AGAIN}"),
    ("57014", "db.busy", f"If the server has a statement_timeout, raise it for this role. {_AGAIN}"),
    ("25P03", "db.unreachable", f"The server ended the connection of a program that stood still. {_AGAIN}"),
    ("25P04", "db.unreachable", f"Raise the transaction_timeout of the server for this role. {_AGAIN}"),
    ("53100", "disk.full", "Make room on the server, then run the same command again: nothing is lost."),
    ("53", "db.unreachable", "The server has no room for more work: check its memory and its other users."),
    ("57", "db.unreachable", f"The server was stopped or restarted. {_AGAIN}"),
    ("58", "db.unreachable", "The server cannot use its files: check its disk and its log."),
    ("08", "db.unreachable", f"The connection to the server broke. {_AGAIN}"),
    ("25006", "db.read_only", "Connect with a role and to a server that may write."),
    ("42501", "db.permission", "Ask the owner for this right (GRANT), or give another role in the URL."),
)
"""Codes (SQLSTATE) of PostgreSQL, or how they begin; they are the same in every language:
https://www.postgresql.org/docs/current/errcodes-appendix.html."""
_TOO_LARGE = "54"
_SCHEMA_SIGNS = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
"""What SQLite's message, or the name of psycopg's class, says of a table or column that is not there."""


def explained(name: str, error: object) -> DatabaseError | None:
    """Return the error of the driver as one about the database `name`; None for a mistake in the SQL."""
    reason = first_line(error)
    state = getattr(error, "sqlstate", None) or ""
    for begin, code, advice in _STATES:
        if state.startswith(begin):
            return DatabaseError(f"{name}: {reason}. {advice}", code=code)
    for sign, code, advice in _SIGNS:
        if sign in reason and code == "db.unwritable" and (length := too_long(name, room=len("-journal"))):
            return DatabaseError(f"{name}: {length}. Choose a shorter path with --db.", code=code)
        if sign in reason:
            return DatabaseError(f"{name}: {reason}. {advice}", code=code)
    return None


def is_too_large(error: object) -> bool:
    """Return whether the server refused a value for its size, such as a text that is too long for an index."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    return state.startswith(_TOO_LARGE)


def changed_schema(name: str, error: object) -> DatabaseError | None:
    """Return the error if a statement of tmxdb itself found a table or column missing; None for any other error.

    The revision is checked when a database is opened, so another program has changed it since.
    """
    if not any(sign in f"{type(error).__name__}: {error}" for sign in _SCHEMA_SIGNS):
        return None
    return DatabaseError(
        f"{name}: {first_line(error)}. Another program changed or overwrote the database while this command was using"
        " it. Stop all other tmxdb commands on it, then run `tmxdb doctor`.",
        code="db.schema",
    )


def first_line(error: object) -> str:
    """Return the first line of the message of `error`, or the name of its class."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
