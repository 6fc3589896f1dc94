"""Run a visitor's SQL within limits of time, rows and size, on a connection of its own."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError
from tmxdb.formats import spreadsheet_cell
from tmxdb.reports.query import QueryLimits, QueryResult, run_query

SHOWN_S, CSV_S = 5.0, 30.0
"""How long a statement may run."""
MAX_ROWS, MAX_CELLS = 1000, 30_000
"""Of a page."""
MAX_CSV_ROWS, MAX_CSV_BYTES = 100_000, 20_000_000
MAX_VALUE_BYTES = 1_000_000
MAX_CELL = 300
"""Characters of a value that a page shows."""
AT_ONCE = 2
WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as a page shows it. `is_number`: aligned to the right, and part of a chart."""

    text: str | None
    is_number: bool


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """The first rows of a result. `is_cut`: there are more."""

    columns: list[str]
    rows: list[list[Cell]]
    is_cut: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class CsvAnswer:
    """A result as CSV in UTF-8, and how many rows it has. `is_cut`: there are more."""

    data: bytes
    rows: int
    is_cut: bool


class SqlRunner:
    """Runs statements of visitors, at most two at once: workers and the other pages go on."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._places = threading.Semaphore(AT_ONCE)

    def shown(self, sql: str, parameters: Mapping[str, str]) -> SqlAnswer:
        """Return the first rows for a page. Raise InvalidInput as `run_query` does."""
        begin_s = time.monotonic()
        rows: list[list[Cell]] = []
        with self._run(sql, parameters, SHOWN_S) as result:
            most = max(1, min(MAX_ROWS, MAX_CELLS // max(len(result.columns), 1)))
            is_cut = False
            for row in result.rows:  # on PostgreSQL the time limit is that of each fetch
                if len(rows) == most or time.monotonic() - begin_s > SHOWN_S:
                    is_cut = True
                    break
                rows.append([_cell(value) for value in row])
            return SqlAnswer(result.columns, rows, is_cut, time.monotonic() - begin_s)

    def csv(self, sql: str, parameters: Mapping[str, str]) -> CsvAnswer:
        """Return a result as CSV that no spreadsheet runs. Raise InvalidInput as `run_query` does."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        n, end_s = 0, time.monotonic() + CSV_S
        with self._run(sql, parameters, CSV_S) as result:
            writer.writerow([spreadsheet_cell(name) for name in result.columns])
            is_cut = False
            for row in result.rows:
                if n == MAX_CSV_ROWS or out.tell() > MAX_CSV_BYTES or time.monotonic() > end_s:
                    is_cut = True
                    break
                writer.writerow([None if value is None else _csv_cell(value) for value in row])
                n += 1
        return CsvAnswer(out.getvalue().encode("utf-8", "backslashreplace"), n, is_cut)

    @contextmanager
    def _run(self, sql: str, parameters: Mapping[str, str], seconds: float) -> Iterator[QueryResult]:
        if not self._places.acquire(timeout=WAIT_S):
            raise DatabaseError("two other statements are running. Try again in a moment.", code="db.busy")
        try:
            with closing(Reader(self._location)) as reader:
                limits = QueryLimits(seconds, MAX_VALUE_BYTES)
                with run_query(reader, sql, parameters, limits=limits) as result:
                    yield result
        finally:
            self._places.release()


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell(None, False)
    text = bytes(value[:MAX_CELL]).hex(" ") if isinstance(value, bytes | memoryview) else str(value)
    is_number = not isinstance(value, bool | str | bytes | memoryview) and text[:1] in "-0123456789"
    return Cell(text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…", is_number)


def _csv_cell(value: Any) -> str:
    return spreadsheet_cell(value) if isinstance(value, str) else str(value)
