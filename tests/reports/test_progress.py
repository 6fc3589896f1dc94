"""Counts over time, as charts need them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import insert

from tests.rows import NOW
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import PastProgressRow
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.progress import DAY_MS, MAX_MOMENTS, PastProgress, read_past_progress
from tmxdb.reports.status.state import KINDS, STATUSES

MINUTE = 60_000


def write(database: Database, *rows: tuple[int, str, int, int]) -> None:
    """Write counts: moment in ms, kind, done, open."""
    values: list[dict[str, Any]] = [
        {"at": iso(at), "kind": kind, "done": done, "failed": 1, "skipped": 0, "open": left, "bytes": 10 * done}
        for at, kind, done, left in rows
    ]
    with database.write() as connection:
        connection.execute(insert(PastProgressRow.__table__), values)


def read(database: Database, span_ms: int | None = DAY_MS, **counts: dict[str, int]) -> PastProgress:
    state = {kind: {**dict.fromkeys(STATUSES, 0), **counts.get(kind, {})} for kind in KINDS}
    with closing(Reader(database.location)) as reader:
        return read_past_progress(reader, span_ms, NOW, state, 5000)


def test_counts_and_rates_end_with_the_present(database: Database) -> None:
    rows = [(NOW - 4 * MINUTE, "list", 5, 7), (NOW - 4 * MINUTE, "download", 100, 50)]
    rows += [(NOW - 2 * MINUTE, "list", 5, 7), (NOW - 2 * MINUTE, "download", 140, 60)]
    write(database, *rows)
    found = read(database, list={"done": 4, "failed": 1, "pending": 8}, download={"done": 150, "failed": 2, "retry": 3})
    assert found.at_ms == [NOW - 4 * MINUTE, NOW - 2 * MINUTE, NOW]
    assert found.open == {"list": [7, 7, 8], "download": [50, 60, 3]}
    assert found.done == {"list": [5, 5, 4], "download": [100, 140, 150]}
    assert found.per_minute == {"list": [None, 0.0, 0.0], "download": [None, 20.0, 5.5]}
    assert found.bytes == [1050, 1450, 5000]
    assert found.as_json()["x"] == [(NOW - 4 * MINUTE) / 1000, (NOW - 2 * MINUTE) / 1000, NOW / 1000]


def test_only_the_span_that_is_asked_for_is_read(database: Database) -> None:
    write(database, *((NOW - days * DAY_MS, "list", 1, 1) for days in (400, 20, 5, 2)), (NOW + DAY_MS, "list", 9, 9))
    moments = [len(read(database, span).at_ms) for span in (DAY_MS, 7 * DAY_MS, 31 * DAY_MS, None)]
    assert moments == [1, 3, 4, 5]


def test_many_moments_become_few(sqlite: Database) -> None:
    write(sqlite, *((NOW - minute * MINUTE, "download", 3000 - minute, minute) for minute in range(1, 2800)))
    found = read(sqlite, None, download={"done": 3000})
    assert MAX_MOMENTS - 5 < len(found.at_ms) <= MAX_MOMENTS + 1
    assert found.at_ms == sorted(found.at_ms)
    assert found.at_ms[-2:] == [NOW - MINUTE, NOW]
    rates = found.per_minute["download"][1:]
    assert all(rate is not None and 0.9 < rate < 1.1 for rate in rates[:-1])


def test_a_database_without_counts_has_those_of_now(database: Database) -> None:
    assert read(database).as_json()["kinds"] == {}
    found = read(database, download={"done": 3})
    assert (found.at_ms, found.done, found.per_minute) == ([NOW], {"download": [3]}, {"download": [None]})
