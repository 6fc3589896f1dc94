"""Text from sites and files that every database can store."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return `text` without NUL and lone surrogates, which PostgreSQL and UTF-8 cannot store."""
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
