"""Text that is safe to show on a terminal, and how wide it is there."""

from __future__ import annotations

import unicodedata

from tmxdb.formats import safe

__all__ = ["cut", "padded", "safe", "width_of"]


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def cut(text: str, width: int) -> str:
    """Return `text`, shortened to `width` columns with an ellipsis if it is longer."""
    if width_of(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += _character_width(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + "…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled up with spaces to `width` columns, to the left for numbers (`right`)."""
    fill = " " * (width - width_of(text))
    return fill + text if right else text + fill


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
