"""The status as plain text, for `tmxdb status`."""

from __future__ import annotations

from datetime import datetime

import click

from tmxdb.cli.formats.colour import bold, coloured, dim
from tmxdb.cli.formats.table import terminal_width
from tmxdb.cli.formats.text import safe
from tmxdb.cli.shared.output import print_table
from tmxdb.clock import span
from tmxdb.reports.status import Status, sentences
from tmxdb.reports.status.state import STATUSES

FULL_TABLE = 70
"""Columns that the table of kinds needs at least; narrower terminals get fewer numbers."""


def print_status(state: Status) -> None:
    """Write `state` to stdout."""
    width = terminal_width()
    _echo(sentences.headline(state), width, bold_=True)
    _echo(sentences.selection_line(state), width)
    click.echo()
    if width is None or width >= FULL_TABLE:
        print_table(("kind", *STATUSES, "rate", "left"), _rows(state, STATUSES))
    else:
        print_table(("kind", "open", "done", "left"), [_short(state, kind) for kind in state.kinds])
    click.echo()
    _echo(sentences.files_line(state), width)
    _echo(sentences.data_warning(state), width, colour="red")
    _echo(sentences.frames_line(state), width)
    _echo(sentences.forecast_line(state), width)
    _echo(sentences.disk_warning(state), width, colour="red")
    _echo(sentences.time_line(state, datetime.now().astimezone()), width, colour="green")
    for line in sentences.pause_lines(state):
        _echo(line, width, colour="yellow")
    if not state.workers:
        click.echo("No worker is running.")
    for worker in state.workers:
        click.echo()
        first, second = sentences.worker_lines(worker, sentences.at_ms(state))
        _echo(first, width)
        _echo(second, width)
    if state.failures:
        click.echo()
        print_table(
            ("kind", "status", "error_code", "n", "example"),
            [(f.kind, f.status, f.error_code, f.n, _last_line(f.example)) for f in state.failures],
        )
        click.echo(dim("`tmxdb errors` says what to do."))


def _rows(state: Status, statuses: tuple[str, ...]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for kind, row in state.kinds.items():
        left, rate = state.seconds_left.get(kind), state.rates.get(kind)
        pace = (f"{rate:g}/s" if rate else None, span(left) if left else None)
        rows.append((kind, *(f"{row[name]:,}" for name in statuses), *pace))
    return rows


def _short(state: Status, kind: str) -> tuple[object, ...]:
    left = state.seconds_left.get(kind)
    return kind, f"{state.open_rows(kind):,}", f"{state.kinds[kind]['done']:,}", span(left) if left else None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _echo(text: str | None, width: int | None, *, colour: str | None = None, bold_: bool = False) -> None:
    if text is None:
        return
    plain = safe(text, keep="")
    indent = " " * (len(plain) - len(plain.lstrip()))
    wrapped = click.wrap_text(plain.strip(), width, indent, indent + "  ") if width is not None else plain
    for line in wrapped.splitlines():
        click.echo(coloured(line, colour) if colour else bold(line) if bold_ else line)
