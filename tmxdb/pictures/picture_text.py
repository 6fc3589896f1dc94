"""Text on pictures that Pillow draws: names in any script, cut to the room they have.

Pillow brings a font for English. A text with other characters takes an installed font that has more of them; what that
one lacks becomes its base letters (é: e), or a question mark. An empty box would say nothing.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "arial.ttf", "seguisym.ttf",
    "msyh.ttc", "Arial Unicode.ttf",
)  # fmt: skip
"""Files that systems have in their folders of fonts."""
_UNASSIGNED = "\U0010ffff"
"""A character that no font has: what a font draws for it is its box."""
_REPLACEMENT = "?"
_LONGEST = 400


def fitted_text(draw: ImageDraw, text: str, size: int, width: float) -> tuple[str, Any]:
    """Return `text` as it can be drawn, cut to `width` pixels, and the font for it in this size."""
    text = "".join(char if char.isprintable() else " " for char in text[:_LONGEST])
    font = _font_for(text, size)
    text = "".join(_drawable(font, char) for char in text)
    ellipsis = _drawable(font, "…")
    while text and draw.textlength(text, font=font) > width:
        text = text[: -1 - len(ellipsis)] + ellipsis if len(text) > 1 + len(ellipsis) else ""
    return text, font


def plain_font(size: int) -> Any:
    """Return the font that Pillow brings."""
    return _font("", size)


def _font_for(text: str, size: int) -> Any:
    """Return the first font that has most characters of `text`."""
    font, lacking = plain_font(size), _lacking(plain_font(size), text)
    for name in FONTS if lacking else ():
        other = _font(name, size)
        if other is not None and (others := _lacking(other, text)) < lacking:
            font, lacking = other, others
    return font


def _lacking(font: Any, text: str) -> int:
    return sum(not _has(font, char) for char in text)


def _drawable(font: Any, char: str) -> str:
    if _has(font, char):
        return char
    parts = [part for part in unicodedata.normalize("NFKD", char) if _has(font, part)]
    return "".join(parts) or _REPLACEMENT


@cache
def _has(font: Any, char: str) -> bool:
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask(_UNASSIGNED))


@cache
def _font(name: str, size: int) -> Any:
    """Return an installed font; None if it is not installed. An empty name: that of Pillow."""
    from PIL import ImageFont

    if not name:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
