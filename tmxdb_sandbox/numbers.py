"""Numbers in requests, scripts and fault rules."""

from __future__ import annotations

_MAX_DIGITS = 19  # as many as 2**63 - 1 has; int() raises ValueError above 4,300


def whole_number(text: str) -> int | None:
    """Return the value of a text of at most 19 ASCII digits, or None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None
