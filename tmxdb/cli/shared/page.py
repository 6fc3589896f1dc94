"""Parts that the pages about a track, a driver and errors have in common."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from tmxdb.cli.formats.colour import bold, dim
from tmxdb.cli.formats.table import table_lines, terminal_width
from tmxdb.cli.formats.text import safe, width_of
from tmxdb.cli.shared.output import print_table
from tmxdb.formats import day, gap, race_time
from tmxdb.storage.names import id_name

if TYPE_CHECKING:
    from tmxdb.reports.pages.track import Ranked

_LABEL = 12
LEAST_COLUMNS = 4
"""Columns that `print_fitting_table` shows in any case."""


def title(text: str) -> None:
    """Write the first line of a page."""
    click.echo(bold(safe(text, keep="")))


def line(label: str, text: str) -> None:
    """Write one fact, wrapped to the terminal; nothing if there is no text."""
    if not text:
        return
    room = max((terminal_width() or 120) - _LABEL - 3, 20)
    first = True
    for part in click.wrap_text(safe(text, keep=""), room).splitlines():
        click.echo(f"  {dim((label if first else '').ljust(_LABEL))} {part}")
        first = False


def print_leaderboard(rows: Sequence[Ranked], *, stunts: bool = False) -> None:
    """Write a leaderboard; `stunts`: with points instead of times."""
    click.echo()
    if not rows:
        click.echo("No replay is listed.")
        return
    result = ("score",) if stunts else ("time", "gap")
    columns = ("rank", "driver", *result, "device", "respawns", "replay", "download", "uploaded")
    cells = [
        (row.rank, row.user_name, *_result(row, stunts=stunts), row.device, row.respawns, shown_id(row.replay_id),
         row.status, day(row.replay_at))
        for row in rows
    ]  # fmt: skip
    print_fitting_table(columns, cells)


def shown_id(item_id: int) -> int | str:
    """Return an id as commands take it. One of the site stays a number, which tables align on the right."""
    return item_id if item_id >= 0 else id_name(item_id)


def print_fitting_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table whose columns are sorted by importance: a narrow terminal gets only the first ones."""
    width = terminal_width() or sys.maxsize
    shown = len(columns)
    while shown > LEAST_COLUMNS and _natural_width(columns[:shown], [row[:shown] for row in rows]) > width:
        shown -= 1
    print_table(columns[:shown], [row[:shown] for row in rows])


def _natural_width(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    return max(width_of(line) for line in table_lines(columns, rows))


def _result(row: Ranked, *, stunts: bool) -> tuple[object, ...]:
    return (row.score,) if stunts else (race_time(row.time_ms), gap(row.gap_ms))


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by status as text: `12 done, 3 pending`."""
    return ", ".join(f"{n:,} {status}" for status, n in counts.items() if n)
