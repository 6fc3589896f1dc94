"""Rows as a table, or one row after the other where a table would be too wide for the terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from tmxdb.cli.formats.text import cut, padded, safe, width_of

MAX_CELL = 200
LEAST_WIDTH = 8
"""Columns to which a cell is shortened at most. If that is not enough, each row becomes a block of lines."""
_GAP = "  "


def terminal_width() -> int | None:
    """Return the columns of the terminal on stdout; None if stdout is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None = None) -> Iterator[str]:
    """Yield the lines of a table: numbers to the right, None as an empty cell.

    With `width` no line is longer: text is shortened, and if that is not enough each row becomes a block of lines.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    names = [_cell(name) for name in columns]
    widths = [max([width_of(name), *(width_of(row[i]) for row in cells)]) for i, name in enumerate(names)]
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    if width is not None:
        fitting = _fitting(names, widths, numeric, width)
        if fitting is None:
            yield from vertical_lines(columns, rows, width)
            return
        widths = fitting

    def line(values: Sequence[str]) -> str:
        return _GAP.join(
            padded(cut(value, size), size, right=right)
            for value, size, right in zip(values, widths, numeric, strict=True)
        ).rstrip()

    yield line(names)
    yield _GAP.join("-" * size for size in widths)
    for row in cells:
        yield line(row)


def vertical_lines(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None = None, *, first: int = 1
) -> Iterator[str]:
    """Yield each row as a block: a line with its number, then a line for each column."""
    names = [_cell(name) for name in columns]
    size = max(map(width_of, names), default=0)
    for number, row in enumerate(rows, first):
        yield f"-- row {number} --"
        for name, value in zip(names, row, strict=True):
            line = f"{padded(name, size)}{_GAP}{_cell(value)}".rstrip()
            yield line if width is None else cut(line, width)


def _fitting(names: list[str], widths: list[int], numeric: list[bool], width: int) -> list[int] | None:
    """Return `widths` with the widest text columns made narrower until they fit; None if they cannot."""
    fitting = list(widths)
    least = [
        size if is_number else min(size, max(LEAST_WIDTH, min(width_of(name), LEAST_WIDTH + 4)))
        for size, is_number, name in zip(widths, numeric, names, strict=True)
    ]
    too_much = sum(fitting) + len(_GAP) * (len(fitting) - 1) - width
    while too_much > 0:
        spare = [size - smallest for size, smallest in zip(fitting, least, strict=True)]
        if not any(spare):
            return None
        widest = max((size for size, room in zip(fitting, spare, strict=True) if room), default=0)
        for i, room in enumerate(spare):
            if room and fitting[i] == widest and too_much > 0:
                fitting[i] -= 1
                too_much -= 1
    return fitting


def _is_number(value: Any) -> bool:
    """Return whether a cell is aligned as a number: an empty cell, a number, or one with thousands separators."""
    if isinstance(value, str):
        return re.fullmatch(r"\d{1,3}(,\d{3})*", value) is not None
    return value is None or isinstance(value, int | float)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return safe(str(value), keep="")[:MAX_CELL]
