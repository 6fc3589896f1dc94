"""How many rows were done, open and finished over time, for charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tmxdb.clock import from_iso, iso
from tmxdb.db.reading.reader import Reader, Row
from tmxdb.reports.status.state import KINDS, OPEN

DAY_MS = 86_400_000
SPANS: dict[str, int | None] = {"day": DAY_MS, "week": 7 * DAY_MS, "month": 31 * DAY_MS, "all": None}
"""How far back a chart goes, in ms; None: to the first count."""
MAX_MOMENTS = 500
_ROWS = """
SELECT at, kind, done, failed, skipped, open, bytes FROM past_progress
WHERE at >= :since AND at < :until ORDER BY at, past_progress_id"""


@dataclass(frozen=True, slots=True)
class PastProgress:
    """Counts at some moments (ms since 1970, ascending), by kind, for kinds that have rows.

    `per_minute`: rows finished per minute since the moment before; None at the first one. `bytes`: size of all files.
    """

    at_ms: list[int]
    open: dict[str, list[int]]
    done: dict[str, list[int]]
    per_minute: dict[str, list[float | None]]
    bytes: list[int]

    def as_json(self) -> dict[str, Any]:
        """Return the same for `json.dumps`, with moments in seconds."""
        kinds = {
            kind: {"open": self.open[kind], "done": self.done[kind], "per_minute": self.per_minute[kind]}
            for kind in self.open
        }
        return {"x": [at / 1000 for at in self.at_ms], "kinds": kinds, "bytes": self.bytes}


def read_past_progress(
    reader: Reader, span_ms: int | None, now_ms: int, counts: Mapping[str, Mapping[str, int]], bytes_now: int
) -> PastProgress:
    """Return the counts of the last `span_ms` (None: all), and those of now, at most MAX_MOMENTS + 1.

    `counts`: the present ones, by kind and status. `bytes_now`: the present size of all files.
    """
    since_ms = 0 if span_ms is None else now_ms - span_ms
    rows = reader.rows(_ROWS, since=iso(since_ms), until=iso(now_ms))
    present = [_present(kind, counts[kind], iso(now_ms)) for kind in KINDS]
    present[0]["bytes"] = bytes_now
    moments = _moments(rows, since_ms, now_ms)
    moments.append({row["kind"]: row for row in present})
    return _series(moments)


def _moments(rows: Sequence[Row], since_ms: int, now_ms: int) -> list[dict[str, Row]]:
    """Return the rows by kind of each moment, only the last moment of each of MAX_MOMENTS equal spans."""
    if not rows:
        return []
    begin_ms = max(since_ms, from_iso(rows[0]["at"]))
    width_ms = max((now_ms - begin_ms) / MAX_MOMENTS, 1.0)
    by_at: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_at.setdefault(row["at"], {})[row["kind"]] = row
    by_span = {int((from_iso(at) - begin_ms) / width_ms): moment for at, moment in by_at.items()}
    return list(by_span.values())


def _present(kind: str, counts: Mapping[str, int], at: str) -> Row:
    ended = {status: counts[status] for status in ("done", "failed", "skipped")}
    return {"at": at, "kind": kind, "open": sum(counts[status] for status in OPEN), "bytes": 0} | ended


def _series(moments: Sequence[Mapping[str, Row]]) -> PastProgress:
    at_ms = [from_iso(next(iter(moment.values()))["at"]) for moment in moments]
    opened: dict[str, list[int]] = {}
    done: dict[str, list[int]] = {}
    per_minute: dict[str, list[float | None]] = {}
    for kind in KINDS:
        of_kind = [moment.get(kind, {}) for moment in moments]
        values = [[row.get(name, 0) for row in of_kind] for name in ("open", "done", "failed", "skipped")]
        if not any(map(any, values)):
            continue
        opened[kind], done[kind] = values[0], values[1]
        finished = [sum(counts) for counts in zip(*values[1:], strict=True)]
        per_minute[kind] = [None, *_rates(at_ms, finished)]
    size = [sum(row["bytes"] for row in moment.values()) for moment in moments]
    return PastProgress(at_ms, opened, done, per_minute, size)


def _rates(at_ms: Sequence[int], finished: Sequence[int]) -> list[float]:
    """Return finished rows per minute between moments; rows that were opened again count as 0."""
    both = zip(pairwise(at_ms), pairwise(finished), strict=True)
    return [round(max(after - before, 0) * 60_000 / max(end - begin, 1), 3) for (begin, end), (before, after) in both]
