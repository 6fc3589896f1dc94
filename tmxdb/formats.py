"""Times, sizes, counts and text as people read them: on a terminal, in a browser and in a spreadsheet."""

from __future__ import annotations

import unicodedata
from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["about", "at most", "at least"]
"""What is known about a number that was estimated."""
_WORDS: dict[Precision, str] = {"about": "About", "at most": "Up to", "at least": "At least"}
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def race_time(ms: int | None) -> str:
    """Return a race time as the game shows it: `0:34.65`, `1:02:03.40`; nothing for None."""
    if ms is None:
        return ""
    sign, hundredths = ("-" if ms < 0 else ""), abs(ms) // 10
    minutes, seconds = divmod(hundredths // 100, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{clock}:{seconds:02d}.{hundredths % 100:02d}"


def gap(ms: int | None) -> str:
    """Return the gap to a record: `+0.11`, `+1:02.30`; nothing for none."""
    if not ms:
        return ""
    sign, hundredths = ("-" if ms < 0 else "+"), abs(ms) // 10
    if hundredths < 6000:
        return f"{sign}{hundredths // 100}.{hundredths % 100:02d}"
    return sign + race_time(abs(ms))


def day(moment: str | None) -> str:
    """Return the day of a stored time; nothing for None."""
    return moment[:10] if moment else ""


def minute(moment: str | None) -> str:
    """Return a stored time to the minute: `2026-11-29 18:30`; nothing for None."""
    return moment[:16].replace("T", " ") if moment else ""


def plural(n: int, word: str) -> str:
    """Return `1 row`, `2 rows`, `1,000 rows`."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def estimate(n: int, word: str, precision: Precision) -> str:
    """Return `About 60 requests`, `Up to 60 requests` or `At least 60 requests`."""
    return f"{_WORDS[precision]} {plural(n, word)}"


def file_size(n: int) -> str:
    """Return `n` bytes in the unit that fits: `512 B`, `1.5 MB`, `230 GB`."""
    size = float(n)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def safe(text: str, *, keep: str = "\n\t") -> str:
    """Return `text` with control, format and surrogate characters escaped, except those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or _is_printable(character) else _escaped(character) for character in text
    )


def spreadsheet_cell(value: str) -> str:
    """Return `value` so that no spreadsheet runs it as a formula: with an apostrophe in front, controls escaped.

    See OWASP, "CSV Injection": a cell that begins with one of these characters is run as a formula.
    """
    return safe(f"'{value}" if value.startswith(_FORMULA_START) else value, keep="")


def _is_printable(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escaped(character: str) -> str:
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"
