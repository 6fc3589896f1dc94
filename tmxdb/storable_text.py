"""Text from sites and files that every database can store."""

from __future__ import annotations

MAX_INDEXED = 500
"""Characters of a text in an index: a row of an index has at most 2,704 bytes on PostgreSQL, a character up to four."""


def storable(text: str) -> str:
    """Return `text` without NUL and lone surrogates, which PostgreSQL and UTF-8 cannot store."""
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
