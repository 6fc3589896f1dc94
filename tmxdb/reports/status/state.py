"""What `tmxdb status` knows, as frozen values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tmxdb.clock import from_iso
from tmxdb.queue.paused import Paused

KINDS = ("list", "download", "extract", "capture")
STATUSES = ("pending", "running", "retry", "done", "failed", "skipped")
OPEN = ("pending", "running", "retry")


@dataclass(frozen=True, slots=True)
class Failure:
    """Rows of one kind that failed, were skipped or wait for the same reason."""

    kind: str
    status: str
    error_code: str
    n: int
    example_id: int
    example: str


@dataclass(frozen=True, slots=True)
class RecentError:
    """An attempt that did not end well."""

    at: str
    kind: str
    item_id: int
    outcome: str
    error_code: str
    error: str


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A registered worker that is alive, as far as can be known. `rates`: recent jobs per second by kind.

    `concurrency`: requests to the site that it allows itself at the same time; None until it has reported that.
    `working_on`: keys of the rows that it is working on, by kind.
    """

    worker_id: str
    host: str
    pid: int
    kinds: str
    n: int
    started_at: str
    heartbeat_at: str
    done: int
    failed: int
    skipped: int
    retried: int
    concurrency: int | None
    rates: dict[str, float]
    working_on: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class IncompleteCaptures:
    """Captures that are done, but missed some of their due frames."""

    captures: int
    frames_missed: int
    frames_stored: int


@dataclass(frozen=True, slots=True)
class DiskForecast:
    """How many bytes the files of all open rows will take: replays and maps as on average so far, captures by settings.

    `will_be_full`: whether that is more than is free. `replays`: replays to come, those of tracks that were not listed
    yet included.
    """

    bytes: int
    replays: int
    will_be_full: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Counts by kind and status, rates and remaining time while workers run, failures, disk use.

    `data_problem`: why the data folder cannot be the right one, without a period at the end; `free_bytes` is None then.
    `pause`: the pause that the site asked for. `paused`: kinds that a user has paused. `seconds_until_done`: until
    nothing is left; None without a rate for each kind that has open rows. `selection` and `track_ids`:
    whose tracks, or which tracks, are counted.
    """

    database: str
    site: str | None
    data: str
    at: str
    kinds: dict[str, dict[str, int]]
    rates: dict[str, float]
    seconds_left: dict[str, float]
    seconds_until_done: float | None
    workers: list[LiveWorker]
    failures: list[Failure]
    recent_errors: list[RecentError]
    pause: dict[str, Any] | None
    paused: list[Paused]
    rate_limit: float | None
    files: dict[str, dict[str, int]]
    database_bytes: int | None
    free_bytes: int | None
    forecast: DiskForecast
    incomplete_captures: IncompleteCaptures | None = None
    data_problem: str | None = None
    selection: str | None = None
    track_ids: tuple[int, ...] = ()

    def open_rows(self, kind: str) -> int:
        """Return how many rows of `kind` are not finished."""
        return sum(self.kinds[kind][status] for status in OPEN)

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`. Workers keep `width`, the older name of `concurrency`.

        `captures_included` was false before the first capture was done. Today captures are always included.
        """
        values = asdict(self)
        values["forecast"]["captures_included"] = True
        for worker in values["workers"]:
            worker["width"] = worker["concurrency"]
        return values


def seconds_since(moment: str, now_ms: int) -> float:
    """Return how long ago a stored time was."""
    return max(now_ms - from_iso(moment), 0) / 1000
