"""Words and tables for a terminal: nothing from outside reaches it raw."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str, *, keep: str = "\n\t") -> str:
    """`text` with all control, format and surrogate characters spelled out, but those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or _harmless(character) else _spelled(character) for character in text
    )


def talk(message: str) -> None:
    """A line for the person, on stderr."""
    click.echo(safe(message), err=True)


def counted(n: int, word: str) -> str:
    """1 row, 2 rows, 1,000 rows."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows as a table on stdout: numbers to the right, None as nothing."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    numeric = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        return "  ".join(
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ).rstrip()

    click.echo(line(columns))
    click.echo("  ".join("-" * width for width in widths))
    for row in cells:
        click.echo(line(row))


def print_json(value: Any) -> None:
    """JSON on stdout; ASCII only, so that no terminal or pipe can spoil it."""
    click.echo(json.dumps(value, indent=2))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return safe(str(value), keep="")[:200]


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _spelled(character: str) -> str:
    return _SHOWN.get(character) or f"\\u{ord(character):04x}"
