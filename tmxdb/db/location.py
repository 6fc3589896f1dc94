"""Tell the URL of a database from the name of a SQLite file, without SQLAlchemy."""

from __future__ import annotations

import re

_ENGINE = re.compile(r"(postgres|postgresql|sqlite)(\+\w+)?:", re.IGNORECASE)


def is_url(location: str) -> bool:
    """Return whether a location is a URL, or begins like one of an engine that tmxdb knows.

    `postgresql:/user:password@host/name` lacks a slash. As the name of a file it would be printed with the password.
    """
    return "://" in location or _ENGINE.match(location) is not None


def without_user(location: str) -> str:
    """Return a URL that cannot be parsed without anything that may be part of a password."""
    scheme, separator, rest = re.split("(://|:)", location, maxsplit=1)
    if scheme.casefold().startswith("sqlite"):
        return location  # has no password
    _, at, address = rest.rpartition("@")
    return f"{scheme}{separator}***{at}{address.partition('?')[0] if at else ''}"
