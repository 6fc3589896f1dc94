"""Text as the games store it and as people read it. It can contain control characters: docs/facts/gbx.md#text."""

from __future__ import annotations

from tmxdb.styles import plain

__all__ = ["decode", "plain"]

_BOM = b"\xef\xbb\xbf"  # TMF writes it before strings with non-ASCII characters: docs/facts/gbx.md#primitives


def decode(raw: bytes) -> str:
    """Return stored bytes as text without a byte order mark; invalid UTF-8 becomes U+FFFD."""
    if raw.startswith(_BOM):
        raw = raw[3:]
    return raw.decode("utf-8", "replace")
