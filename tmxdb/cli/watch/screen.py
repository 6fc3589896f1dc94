"""The lines of the screen: a function from the status, the rates so far and the size of the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tmxdb.cli.formats.text import cut, safe
from tmxdb.cli.watch.history import RateHistory, sparkline
from tmxdb.clock import span
from tmxdb.reports.status import Status, sentences
from tmxdb.storage import id_name

KEYS = "p pause   r resume   f retry failed   q quit"
ROW = 64
"""Columns of a row of the table of kinds, without its bar."""
SHORT_KEYS = "p pause r resume f retry q quit"


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """A line of text in a style of Rich, such as `bold red`."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and lines of the terminal. `ascii_only`: it cannot show block characters."""

    width: int
    height: int
    ascii_only: bool = False


def screen(state: Status, history: RateHistory, size: Size, note: str, now: datetime) -> list[ScreenLine]:
    """Return the lines of the screen; no more and no longer than fit. The last one names the keys, or says `note`."""
    body = [*_top(state, size, now), *_rates(history, size), *_workers(state, size), *_errors(state, size)]
    keys = KEYS if len(KEYS) <= size.width else SHORT_KEYS
    lines = body[: max(size.height - 2, 1)]
    lines += [ScreenLine("")] * (size.height - 1 - len(lines))
    lines.append(ScreenLine(note, "bold yellow") if note else ScreenLine(keys, "dim"))
    shown = [ScreenLine(cut(safe(line.text, keep=""), size.width), line.style) for line in lines]
    return [ScreenLine(line.text.replace("…", "~"), line.style) for line in shown] if size.ascii_only else shown


def _top(state: Status, size: Size, now: datetime) -> Iterator[ScreenLine]:
    yield ScreenLine(sentences.headline(state), "bold")
    if line := sentences.selection_line(state):
        yield ScreenLine(line)
    yield ScreenLine("")
    wide = size.width >= 70
    bar = max(min(size.width - ROW - 1, 30), 0)
    yield ScreenLine(_row("kind", "done", "open", "failed", "rate", "left", wide=wide), "dim")
    for kind, row in state.kinds.items():
        total = sum(row.values())
        if not total:
            continue
        rate, left = state.rates.get(kind), state.seconds_left.get(kind)
        text = _row(
            kind,
            f"{row['done']:,}",
            f"{state.open_rows(kind):,}",
            f"{row['failed']:,}",
            f"{rate:g}/s" if rate else "",
            span(left) if left else "",
            wide=wide,
        )
        share = (row["done"] + row["skipped"]) / total
        filled = _bar(share, bar, ascii_only=size.ascii_only)
        yield ScreenLine(
            f"{text} {filled}" if wide else text, "red" if row["failed"] else "green" if share == 1 else ""
        )
    yield ScreenLine("")
    for line, style in (
        (sentences.time_line(state, now), "green"),
        (sentences.files_line(state), ""),
        (sentences.data_warning(state), "bold red"),
        (sentences.frames_line(state), "yellow"),
        (sentences.forecast_line(state), ""),
        (sentences.disk_warning(state), "bold red"),
        *((line, "yellow") for line in sentences.pause_lines(state)),
    ):
        if line:
            yield from _wrapped(line, size.width, style)


def _rates(history: RateHistory, size: Size) -> Iterator[ScreenLine]:
    active = history.active()
    if not active:
        return
    yield ScreenLine("")
    yield ScreenLine("Jobs per second", "bold")
    for kind, rates in active.items():
        latest = f"{rates[-1]:8,.1f} "
        bars = sparkline(rates, max(size.width - 9 - len(latest), 4), ascii_only=size.ascii_only)
        yield ScreenLine(f"{kind:<9}{latest}{bars}", "cyan")


def _workers(state: Status, size: Size) -> Iterator[ScreenLine]:
    yield ScreenLine("")
    if not state.workers:
        yield ScreenLine("No worker is running.", "dim")
        return
    yield ScreenLine("Workers", "bold")
    for worker in state.workers:
        for line in sentences.worker_lines(worker, sentences.at_ms(state)):
            yield from _wrapped(line, size.width, "")


def _errors(state: Status, size: Size) -> Iterator[ScreenLine]:
    if not state.recent_errors:
        return
    yield ScreenLine("")
    yield ScreenLine("Last errors", "bold")
    for error in state.recent_errors:
        reason = (error.error.strip().splitlines() or [""])[-1]
        yield ScreenLine(
            f"{error.at[11:19]} {error.kind} {id_name(error.item_id)} {error.outcome} {error.error_code}: {reason}",
            "red" if error.outcome == "failed" else "",
        )


def _row(kind: str, done: str, still: str, failed: str, rate: str, left: str, *, wide: bool) -> str:
    if wide:
        return f"{kind:<9}{done:>10} {still:>10} {failed:>8} {rate:>9} {left:>14}"
    return f"{kind:<9}{done:>9} {still:>9} {left:>11}".rstrip()


def _bar(share: float, width: int, *, ascii_only: bool) -> str:
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    filled = int(share * width)
    return full * filled + empty * (width - filled)


def _wrapped(text: str, width: int, style: str) -> Iterator[ScreenLine]:
    """Yield `text` in at most three lines."""
    import textwrap

    indent = " " * (len(text) - len(text.lstrip()))
    for line in textwrap.wrap(
        text.strip(), width, initial_indent=indent, subsequent_indent=f"{indent}  ", max_lines=3, placeholder=" …"
    ):
        yield ScreenLine(line, style)
