"""Events of the queue: rows, workers, pauses and waits."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from tmxdb.clock import iso, span
from tmxdb.events.bus import Event
from tmxdb.storage import id_name


@dataclass(frozen=True, slots=True)
class QueueEvent(Event):
    """Base class of the events of the queue."""

    logger: ClassVar[str] = "tmxdb.queue"


@dataclass(frozen=True, slots=True)
class CycleCompleted(QueueEvent):
    """One cycle of the worker loop ended. Emitted several times a second, also when nothing happened; never logged."""

    @property
    def level(self) -> int:
        return logging.NOTSET


@dataclass(frozen=True, slots=True)
class RowsClaimed(QueueEvent):
    """A batch of rows was claimed."""

    kind: str
    rows: int

    @property
    def level(self) -> int:
        return logging.DEBUG

    def __str__(self) -> str:
        return f"{self.kind}: claimed {_rows(self.rows)}."


@dataclass(frozen=True, slots=True)
class RowSettled(QueueEvent):
    """A job's outcome was written to its row. `status` is the new status.

    `code` and `message` are None for `done`. `snoozed`: the row was put off (`retry`, or `pending` if there is no wait)
    without a charged attempt.
    """

    kind: str
    item_id: int
    status: str
    attempt: int
    code: str | None = None
    message: str | None = None
    snoozed: bool = False

    @property
    def level(self) -> int:
        return logging.WARNING if self.status == "failed" else logging.DEBUG

    def __str__(self) -> str:
        reason = f" ({self.code}: {_last_line(self.message)})" if self.code else ""
        how = "snoozed" if self.snoozed else f"{self.status}, attempt {self.attempt}"
        return f"{self.kind} {id_name(self.item_id)}: {how}{reason}"


@dataclass(frozen=True, slots=True)
class ResultDropped(QueueEvent):
    """A result came after the claim on its row was lost. It was not written."""

    kind: str
    item_id: int

    @property
    def level(self) -> int:
        return logging.WARNING

    def __str__(self) -> str:
        name = id_name(self.item_id)
        return f"{self.kind} {name}: the result came too late and was dropped; another worker has the row now."


@dataclass(frozen=True, slots=True)
class ClaimsLost(QueueEvent):
    """Claims of this worker have ended: it was suspended for longer than its lease, or a command released them."""

    kind: str
    rows: int

    @property
    def level(self) -> int:
        return logging.WARNING

    def __str__(self) -> str:
        they = "it is" if self.rows == 1 else "they are"
        return (
            f"{self.kind}: this worker has lost its claim on {_rows(self.rows)}, probably because it was suspended;"
            f" {they} pending again, or another worker has {'it' if self.rows == 1 else 'them'}."
        )


@dataclass(frozen=True, slots=True)
class RowsReleased(QueueEvent):
    """Claimed rows that no thread had begun are pending again, without a charged attempt."""

    kind: str
    rows: int

    @property
    def level(self) -> int:
        return logging.DEBUG

    def __str__(self) -> str:
        return f"{self.kind}: released {_rows(self.rows)}."


@dataclass(frozen=True, slots=True)
class WorkerLost(QueueEvent):
    """A worker stopped without signing out: its process ended or its heartbeat stood still."""

    worker_id: str

    @property
    def level(self) -> int:
        return logging.WARNING

    def __str__(self) -> str:
        return f"Worker {self.worker_id} is lost; its rows are pending again."


@dataclass(frozen=True, slots=True)
class RowsRecovered(QueueEvent):
    """Rows of lost workers are pending again."""

    kind: str
    rows: int

    def __str__(self) -> str:
        return f"{self.kind}: recovered {_rows(self.rows)} from lost workers."


@dataclass(frozen=True, slots=True)
class RowsGivenUp(QueueEvent):
    """Rows failed because several workers died one after another while working on them."""

    kind: str
    rows: int

    @property
    def level(self) -> int:
        return logging.WARNING

    def __str__(self) -> str:
        them = "it" if self.rows == 1 else "them"
        died = f"several workers died one after another while working on {them}"
        return f"{self.kind}: gave up {_rows(self.rows)}: {died}. `tmxdb retry` tries {them} again."


@dataclass(frozen=True, slots=True)
class KindPaused(QueueEvent):
    """A person paused `kind` (or `all`). `until` is ISO 8601, None until `tmxdb resume`."""

    kind: str
    until: str | None
    reason: str | None

    def __str__(self) -> str:
        what = "All kinds are" if self.kind == "all" else f"{self.kind} is"
        end = f" until {self.until[:19].replace('T', ' ')} UTC" if self.until else ""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{what} paused{end}{reason}; `tmxdb resume {self.kind}` ends the pause."


@dataclass(frozen=True, slots=True)
class KindResumed(QueueEvent):
    """The pause of `kind` ended."""

    kind: str

    def __str__(self) -> str:
        return f"{self.kind} is no longer paused."


@dataclass(frozen=True, slots=True)
class WaitingForPause(QueueEvent):
    """All remaining rows belong to paused kinds."""

    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return f"All remaining rows are paused ({', '.join(self.kinds)}); waiting until the pause ends."


@dataclass(frozen=True, slots=True)
class WaitingForRetry(QueueEvent):
    """All remaining rows wait for their next attempt; the first is due at `until_ms`, in `wait_s` seconds."""

    rows: int
    until_ms: int
    wait_s: float

    def __str__(self) -> str:
        verb = "waits" if self.rows == 1 else "wait"
        when = f"the next one at {iso(self.until_ms)[11:19]} UTC, in {span(self.wait_s)}"
        return f"{_rows(self.rows)} {verb} for another attempt; {when}."


@dataclass(frozen=True, slots=True)
class DatabaseUnavailable(QueueEvent):
    """The database cannot be used now; the worker tries again. `results` wait in memory meanwhile."""

    error: str
    results: int

    @property
    def level(self) -> int:
        return logging.WARNING

    def __str__(self) -> str:
        kept = "1 result waits" if self.results == 1 else f"{self.results:,} results wait"
        return f"{self.error} Trying again; {kept} in memory."


@dataclass(frozen=True, slots=True)
class SitePaused(QueueEvent):
    """All processes of the database send no request for `seconds`."""

    seconds: float
    reason: str

    def __str__(self) -> str:
        return f"Pausing all requests for {span(self.seconds)}: {self.reason}."


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _last_line(message: str | None) -> str:
    lines = (message or "").strip().splitlines()
    return lines[-1] if lines else ""
