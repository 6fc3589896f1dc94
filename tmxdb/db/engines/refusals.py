"""Errors of connecting to a PostgreSQL server, each with what to do."""

from __future__ import annotations

import re

from tmxdb.db.explained import first_line
from tmxdb.errors import DatabaseError

_REFUSED, _URL = "the server refused the connection", "this URL cannot be used"
IN_URL = "In a URL, write @ : / ? # % in a user name or password as %40 %3A %2F %3F %23 %25."
_SIGNS = (
    ("password authentication failed", _REFUSED, "db.refused", f"Check the user name and the password. {IN_URL}"),
    ("no password supplied", _REFUSED, "db.refused", "Give it in the URL (user:password@host) or in ~/.pgpass."),
    ('role ".*" does not exist', _REFUSED, "db.refused", "Check the user name in the URL."),
    ("is not permitted to log in", _REFUSED, "db.refused", "Give a role that may log in (ALTER ROLE … LOGIN)."),
    ('database ".*" does not exist', _REFUSED, "db.refused",
     "Create it, for example with `createdb -T template0 -E UTF8 NAME`, or correct its name in the URL."),
    ("permission denied for database", _REFUSED, "db.refused",
     "Ask its owner for the right to connect (GRANT CONNECT), or give another role."),
    (r"pg_hba\.conf", _REFUSED, "db.refused", "Allow this user and this machine in the server's pg_hba.conf."),
    ("does not support SSL|certificate", _REFUSED, "db.refused", "Check sslmode and the certificates in the URL."),
    ("too many c(?:onnections|lients)|connection slots", _REFUSED, "db.unreachable",
     "All its connections are in use: end other programs, use fewer processes, or raise the limit on the server."),
    ("invalid (?:connection option|port number|sslmode value)|bad value for|service .* not found", _URL, "db.url",
     "Correct that part of it."),
)  # fmt: skip
"""A sign in the reason, as libpq or an English-speaking server gives it; what happened; the code; what to do."""
_LEAD = re.compile(
    r"\A(?:connection (?:failed|is bad): )?(?:connection to server .*? failed: )?(?:[A-Z]+:  |fe_sendauth: )?"
)
"""What psycopg and libpq say before the reason: the address, which is in the URL, and a severity."""


def not_connected(name: str, error: object) -> DatabaseError:
    """Return the error of a connection that was not made, or was lost, as one sentence about the database `name`.

    `db.unreachable` means that it may succeed later.
    """
    line = first_line(error)
    reason = _LEAD.sub("", line).rstrip(".")
    for sign, happened, code, advice in _SIGNS:
        if re.search(sign, reason):
            return DatabaseError(f"{name}: {happened}: {reason}. {advice}", code=code)
    advice = "Check that the server runs and that the address is right."
    return DatabaseError(f"{name}: the server cannot be reached: {line.rstrip('.')}. {advice}", code="db.unreachable")
