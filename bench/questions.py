"""The twenty questions of docs/how-to/sql-cookbook.md, and the pages for people, on a large SQLite database.

    python3 run.py bench questions [--replays 1000000] [--keep FILE]

Ten replays of a track, 90,000 drivers; seven of ten replays are downloaded. The time of a question is processor time
of its second run, with a warm cache and without starting a process: what it takes on an idle machine. `--keep FILE`
makes the database there, or uses it again.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench._filled import fill, size_of
from bench._table import print_rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.pages.driver import read_driver
from tmxdb.reports.pages.errors import read_errors
from tmxdb.reports.pages.lookup import find_driver, find_track
from tmxdb.reports.pages.track import read_track
from tmxdb.reports.query import run_query

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "sql-cookbook.md"
_QUESTION = re.compile(r"^### (.*)\n\n```sql\n([^`]*)```", re.M)
ONE_S, ALL_S = 0.05, 5.0
"""How long a question about one track or driver may take, and one about the whole site."""
NAMES = {"Dodododo1639": "driver7919", "Quarkfox338": "driver15838"}
"""Drivers of the sandbox, and two here that share tracks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-questions-"))
    try:
        path = wanted.keep or folder / "tmx.db"
        if not path.exists():
            made = Database(str(path))
            upgrade(made)
            fill(made, 1, wanted.replays)
            made.close()
        measure(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(path: Path) -> None:
    reader = Reader(str(path))
    replays = reader.value("SELECT sum(n) FROM tally WHERE kind = 'download'")
    rows = []
    for question, sql in _QUESTION.findall(PAGE.read_text("utf-8")):
        for name, here in NAMES.items():
            sql = sql.replace(name, here)

        def ask(sql: str = sql) -> None:
            with run_query(reader, sql) as result:
                list(result.rows)

        limit = ONE_S if re.search(r"track_id = \d|replay_id = \d|user_name = '", sql) else ALL_S
        rows.append(_row(question, limit, ask))
    pages: tuple[tuple[str, Callable[[], object]], ...] = (
        ("tmxdb track ID", lambda: read_track(reader, find_track(reader, "2233", 2233), top=10)),
        ("tmxdb track NAME", lambda: read_track(reader, find_track(reader, "Track 2233", None), top=10)),
        (
            "tmxdb driver NAME",
            lambda: read_driver(reader, find_driver(reader, "driver7919", None), order="latest", n=10),
        ),
        ("tmxdb driver ID, best runs first", lambda: read_driver(reader, 7919, order="rank", n=10)),
    )
    rows += [_row(name, ONE_S, page) for name, page in pages]
    rows.append(_row("tmxdb driver, a name in another case", ONE_S, lambda: find_driver(reader, "Driver7919", None)))
    rows.append(_row("tmxdb errors", ALL_S, lambda: read_errors(reader)))
    size = size_of(Database(str(path)))
    print_rows(
        f"questions at {replays:,} replays, {size / 1e9:.2f} GB",
        ("question", "first run (s)", "then (s)", "limit (s)", ""),
        rows,
    )
    reader.close()


def _row(name: str, limit_s: float, ask: Callable[[], object]) -> list[object]:
    began = time.perf_counter()
    ask()
    first_s = time.perf_counter() - began
    began = time.process_time()
    ask()
    second_s = time.process_time() - began
    return [name, first_s, second_s, limit_s, "" if second_s <= limit_s else "too slow"]


if __name__ == "__main__":
    main()
