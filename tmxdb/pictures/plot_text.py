"""Text on plots: names in any script, of any length, without warnings of matplotlib on the terminal."""

from __future__ import annotations

from functools import cache

_BASE = "DejaVu Sans"  # ships with matplotlib
_FALLBACKS = (
    "Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Noto Sans JP", "Noto Sans SC",
    "Noto Sans KR", "Noto Sans Thai", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Symbols",
    "Noto Sans Symbols 2", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS", "Microsoft YaHei",
    "Yu Gothic", "MS Gothic",
    "Malgun Gothic", "Segoe UI Symbol", "Segoe UI Emoji", "Leelawadee UI", "Nirmala UI", "Hiragino Sans", "PingFang SC",
    "Apple SD Gothic Neo", "Symbola", "Unifont",
)  # fmt: skip
_MISSING = "\N{WHITE SQUARE}"  # for characters that no installed font has
MAX_TITLE_CHARS = 90


def drawable(text: str) -> tuple[str, list[str]]:
    """Return `text` as it can be drawn, and the font families for it.

    Characters that no installed font has become squares. Control characters become spaces, and a long text is cut.
    Dollar signs are escaped, because matplotlib typesets text between two of them as a formula.
    """
    text = "".join(char if char.isprintable() else " " for char in text)
    if len(text) > MAX_TITLE_CHARS:
        text = text[: MAX_TITLE_CHARS - 1] + "…"
    families = [_BASE]
    drawn = []
    for char in text:
        family = _family_with(char)
        if family is None:
            char = _MISSING
        elif family not in families:
            families.append(family)
        drawn.append(r"\$" if char == "$" else char)
    return "".join(drawn), families


def _family_with(char: str) -> str | None:
    return next((family for family in (_BASE, *_FALLBACKS) if ord(char) in _characters(family)), None)


@cache
def _characters(family: str) -> frozenset[int]:
    """Return the characters of an installed font; empty if it is not installed."""
    from matplotlib.font_manager import fontManager, get_font

    path = next((font.fname for font in fontManager.ttflist if font.name == family and font.style == "normal"), None)
    return frozenset(get_font(path).get_charmap()) if path else frozenset()
