"""What a person sees while workers work: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import suppress
from types import TracebackType

from tqdm import tqdm

from tmxdb.cli.say import counted, safe, talk
from tmxdb.clock import iso, span, wall_clock
from tmxdb.db.engine import Database
from tmxdb.errors import DatabaseTrouble
from tmxdb.reports.counts import counts

LOG_EVERY_S, COUNT_EVERY_S = 10.0, 1.0
FAILURES_SHOWN = 5


class Watching:
    """Listens to a worker. On a terminal one bar that redraws for each kind; elsewhere a log line every 10 s."""

    def __init__(self, database: Database, kinds: list[str], *, bar: bool | None) -> None:
        self._database, self._kinds = database, kinds
        self._seen: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self._shown_failures: Counter[str] = Counter()
        self._logged = self._counted = time.monotonic()
        self._told_until = 0
        wanted = sys.stderr.isatty() if bar is None else bar
        self._bars = {
            kind: tqdm(desc=kind.rjust(8), unit="", position=i, leave=True, file=sys.stderr, dynamic_ncols=True)
            for i, kind in enumerate(kinds)
            if wanted
        }

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(DatabaseTrouble):  # as the reason of the end it has been told
            if self._bars:
                self._recount()
            else:
                self._log()
        for bar in self._bars.values():
            bar.close()

    def settled(self, kind: str, status: str, item_id: int, error: str | None) -> None:
        """A job was written back."""
        self._seen[kind][status] += 1
        if status in ("done", "failed", "skipped") and kind in self._bars:
            self._bars[kind].update()
        if status == "failed":
            self._shown_failures[kind] += 1
            if self._shown_failures[kind] <= FAILURES_SHOWN:
                self.note(f"Failed: {(error or '').strip().splitlines()[-1] if error else f'{kind} {item_id}'}")
            elif self._shown_failures[kind] == FAILURES_SHOWN + 1:
                self.note(f"More of {kind} failed; see `tmxdb status`.")

    def waiting(self, until_ms: int, rows: int) -> None:
        """All that is left waits for a retry."""
        if until_ms > self._told_until:
            self._told_until = until_ms
            left_s = max(until_ms - wall_clock(), 0) / 1000
            verb = "waits" if rows == 1 else "wait"
            when = f"the next one at {iso(until_ms)[11:19]} UTC, in {span(left_s)}"
            self.note(f"{counted(rows, 'row')} {verb} for another try; {when}.")

    def paused(self, seconds: float, reason: str) -> None:
        """Nobody sends anything for a while."""
        self.note(f"Pausing for {span(seconds)}: {reason}.")

    def note(self, message: str) -> None:
        """A line above the bars."""
        if self._bars:
            tqdm.write(safe(message), file=sys.stderr)
        else:
            talk(message)

    def beat(self) -> None:
        """Called often: redraws or logs when it is time."""
        now = time.monotonic()
        with suppress(DatabaseTrouble):  # it is away: that is for the worker to say, and no reason to stop
            if self._bars and now - self._counted >= COUNT_EVERY_S:
                self._counted = now
                self._recount()
            elif not self._bars and now - self._logged >= LOG_EVERY_S:
                self._logged = now
                self._log()

    def _recount(self) -> None:
        """The bars' totals: what is open now, and what this run has finished."""
        with self._database.read() as connection:
            table = counts(connection)
        for kind, bar in self._bars.items():
            still_open = sum(table[kind][status] for status in ("pending", "running", "retry"))
            bar.total = bar.n + still_open
            retrying = table[kind]["retry"]
            failed = self._seen[kind]["failed"]
            parts = [f"{retrying} retry" if retrying else "", f"{failed} failed" if failed else ""]
            bar.set_postfix_str(", ".join(part for part in parts if part), refresh=False)
            bar.refresh()

    def _log(self) -> None:
        with self._database.read() as connection:
            table = counts(connection)
        parts = []
        for kind in self._kinds:
            seen = self._seen[kind]
            still_open = sum(table[kind][status] for status in ("pending", "running", "retry"))
            more = "".join(f", {seen[status]:,} {status}" for status in ("skipped", "failed", "retry") if seen[status])
            parts.append(f"{kind} {seen['done']:,} done{more}, {still_open:,} to do")
        talk("; ".join(parts) + ".")
