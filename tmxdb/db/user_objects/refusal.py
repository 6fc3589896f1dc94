"""The sentences about an upgrade that cannot keep what a user made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from tmxdb.db.explained import explained, first_line
from tmxdb.errors import DatabaseError

_UNCHANGED = "Nothing was changed."
_TAKEN = (
    "already exists",
    "there is already",
    "duplicate column name",
    "DuplicateTable",
    "DuplicateObject",
    "DuplicateFunction",
    "DuplicateColumn",
)
"""What SQLite's message, or the name of psycopg's class, says of a name that is in use."""


def would_break(what: str, reason: str) -> DatabaseError:
    """Return the error about the object `what`, such as `view mine`, that would not work after the upgrade."""
    return DatabaseError(
        f"the upgrade would break the {what}: {reason}. {_UNCHANGED} Change or drop the {what.split()[0]}, then run the"
        " same command again.",
        code="db.conflict",
    )


@contextmanager
def restoring(what: str) -> Iterator[None]:
    """Raise DatabaseError about the object `what` for a mistake in its SQL; other errors pass."""
    try:
        yield
    except exc.DatabaseError as error:
        if error.connection_invalidated or explained("", error.orig):
            raise
        raise would_break(what, first_line(error.orig)) from error


def conflict(error: exc.DatabaseError) -> DatabaseError | None:
    """Return what a user has to do about an error of a revision; None if no object of a user explains it."""
    orig = error.orig
    reason = first_line(orig)
    described = f"{type(orig).__name__}: {reason}"
    if any(sign in described for sign in _TAKEN):
        return DatabaseError(
            f"the upgrade needs a name that is in use: {reason}. {_UNCHANGED} Rename or drop what has this"
            " name, then run the same command again.",
            code="db.conflict",
        )
    if "DependentObjectsStillExist" in described:
        detail = getattr(getattr(orig, "diag", None), "message_detail", None) or "unknown objects"
        return DatabaseError(
            f"the upgrade cannot change what other objects use: {reason} ({', '.join(detail.splitlines())})."
            f" {_UNCHANGED} Drop the objects that depend on it, run the same command again, then create them again.",
            code="db.conflict",
        )
    return None
