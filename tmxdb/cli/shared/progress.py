"""Progress of a worker for a person: bars on a terminal, else a line every 10 s. A subscriber of the run's events."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import IO, cast

from tqdm import tqdm

from tmxdb.cli.shared.logs import is_logged_to_stderr
from tmxdb.cli.shared.output import STDERR, message, safe
from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.errors import DatabaseError
from tmxdb.events import CycleCompleted, Event, RowSettled, WaitingForRetry
from tmxdb.reports.counts import counts
from tmxdb.storage import id_name

LOG_EVERY_S, COUNT_EVERY_S = 10.0, 1.0
SHORT_WAIT_S = 5.0  # a wait that is over before it has been read is not shown
FAILURES_SHOWN = 5
_STDERR = cast(IO[str], STDERR)


def shows_bar(progress: bool | None) -> bool:
    """Return whether to draw bars: as `--progress` says, else on a terminal."""
    return sys.stderr.isatty() if progress is None else progress


def progress_bar(total: int, unit: str, *, progress: bool | None) -> tqdm:  # type: ignore[type-arg]
    """Return a bar on stderr for `total` items; a disabled one if none is to be drawn."""
    return tqdm(total=total, unit=f" {unit}", disable=not shows_bar(progress), file=_STDERR, dynamic_ncols=True)


def message_above_bars(text: str) -> None:
    """Write a line for the user without damaging the bars below it."""
    tqdm.write(safe(text), file=_STDERR)


class ProgressDisplay:
    """Shows the events of a worker. On a terminal one bar for each kind; elsewhere a line every 10 s if one changed.

    The sentences of events are left to the log if it is written to stderr.
    """

    def __init__(
        self, database: Database, kinds: list[str], *, progress: bool | None, selection: Scope | None = None
    ) -> None:
        self._database, self._kinds, self._selection = database, kinds, selection
        self._settled: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self._logged_at = self._counted_at = time.monotonic()
        self._logged = ""
        self._announced_until_ms = 0
        self._shows_sentences = not is_logged_to_stderr()
        self._bars = {
            kind: tqdm(desc=kind.rjust(8), unit="", position=i, leave=True, file=_STDERR, dynamic_ncols=True)
            for i, kind in enumerate(kinds)
            if shows_bar(progress)
        }

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(DatabaseError):  # the error that ended the run says it
            if self._bars:
                self._recount()
            else:
                self._log()
        for bar in self._bars.values():
            bar.close()

    def __call__(self, event: Event) -> None:
        """Show `event`."""
        match event:
            case CycleCompleted():
                self._update()
            case RowSettled(snoozed=False):
                self._count(event)
            case _ if not self._shows_sentences:
                pass
            case WaitingForRetry(until_ms=until_ms, wait_s=wait_s):
                if until_ms > self._announced_until_ms and wait_s >= SHORT_WAIT_S:
                    self._announced_until_ms = until_ms
                    self.note(str(event))
            case _ if event.level >= logging.INFO:
                self.note(str(event))

    def note(self, text: str) -> None:
        """Write a line above the bars."""
        if self._bars:
            message_above_bars(text)
        else:
            message(text)

    def _count(self, event: RowSettled) -> None:
        seen = self._settled.setdefault(event.kind, Counter())
        seen[event.status] += 1
        if event.status in ("done", "failed", "skipped") and event.kind in self._bars:
            self._bars[event.kind].update()
        if event.status == "failed" and self._shows_sentences:
            if seen["failed"] <= FAILURES_SHOWN:
                reason = (event.message or "").strip().splitlines()
                self.note(f"Failed: {reason[-1] if reason else f'{event.kind} {id_name(event.item_id)}'}")
            elif seen["failed"] == FAILURES_SHOWN + 1:
                self.note(f"More {event.kind} rows failed; `tmxdb status` shows why.")

    def _update(self) -> None:
        now = time.monotonic()
        with suppress(DatabaseError):  # the worker reports it, and tries again
            if self._bars and now - self._counted_at >= COUNT_EVERY_S:
                self._counted_at = now
                self._recount()
            elif not self._bars and now - self._logged_at >= LOG_EVERY_S:
                self._logged_at = now
                self._log()

    def _recount(self) -> None:
        """Set the totals of the bars: rows that are open now, and what this run has finished."""
        with self._database.read() as connection:
            table = counts(connection, self._selection)
        for kind, bar in self._bars.items():
            still_open = sum(table[kind][status] for status in ("pending", "running", "retry"))
            bar.total = bar.n + still_open
            retrying = table[kind]["retry"]
            failed = self._settled[kind]["failed"]
            parts = [f"{retrying:,} retry" if retrying else "", f"{failed:,} failed" if failed else ""]
            bar.set_postfix_str(", ".join(part for part in parts if part), refresh=False)
            bar.refresh()

    def _log(self) -> None:
        """Write the counts of all kinds as one line, unless the last line said the same."""
        with self._database.read() as connection:
            table = counts(connection, self._selection)
        parts = []
        for kind in self._kinds:
            seen = self._settled[kind]
            still_open = sum(table[kind][status] for status in ("pending", "running", "retry"))
            more = "".join(f", {seen[status]:,} {status}" for status in ("skipped", "failed", "retry") if seen[status])
            parts.append(f"{kind} {seen['done']:,} done{more}, {still_open:,} to do")
        if (line := "; ".join(parts) + ".") != self._logged:
            message(line)
        self._logged = line
