"""The plans of what runs all the time: on each engine, every statement is answered by an index.

No query is listed here: a worker is run on rows of every status, status is read, a request passes the rate limiter, and
every statement they sent to the database is explained. So new and changed queries are covered.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests import needs
from tests.queue.fakes import DONE, Bench, FakeKind, FakeList, worker
from tests.rows import FILE, NOW, Rows
from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.database import Database
from tmxdb.db.models import Base, CaptureRow, MapRow, ReplayInputsRow, ReplayRow, TrackRow, table_of
from tmxdb.db.packed_inputs import packed
from tmxdb.db.reading.reader import Reader
from tmxdb.events import RowsRecovered
from tmxdb.kinds import extract
from tmxdb.queue.job import Done, Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.queue.rows.claim import next_selected
from tmxdb.queue.rows.groups import next_selected_group
from tmxdb.reports.status import read_status

LARGE = ("tracks", "replays", "maps", "captures", "attempts", "inputs", "selection_tracks")
"""Tables with as many rows as there are tracks, replays or attempts."""
OF_FEW = "pending|running|retry|error"
"""Indexes that may be scanned, for the first row or for the rows of all workers."""
SORTED = ("replays.map_uid_matches", "FROM failures", "any(%(keys)s", "WITH RECURSIVE steps")
"""Statements that may sort: the candidates of one track, the error codes, rows locked by their keys, a sample."""


@pytest.fixture(
    params=[
        "as users have it",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("analyzed", "analyzed early")),
    ]
)
def filled(rows: Rows, request: pytest.FixtureRequest) -> Rows:
    """Many rows, few of them pending, running or in retry: so it is most of the time. Users do not ANALYZE.

    Analyzed early: when all replays were of one track, had left the leaderboard, and one worker held many.
    """
    for track_id in range(2, 300):
        rows.track(track_id, "done")
    if request.param == "analyzed early":
        rows.replays(*range(10_001, 10_201), status="done")
        rows.replays(*range(10_201, 10_401), status="running")
        rows.write("ANALYZE")
        rows.write("DELETE FROM replays")
    rows.replays(*range(1, 2001), status="done")
    rows.write("UPDATE replays SET position = replay_id - 1")  # as the site lists them
    rows.replays(*range(2001, 2101), status="failed")
    rows.replays(*range(3001, 3051))
    rows.replays(*range(3101, 3151), status="retry", available_at=iso(0))
    rows.replays(*range(3201, 3251), status="running")
    rows.replays(*range(3301, 3311), status="retry", available_at=iso(NOW))
    if request.param == "analyzed":
        rows.write("ANALYZE")
    return rows


def test_a_worker_sends_no_statement_that_scans_a_table(filled: Rows) -> None:
    outcomes: list[Outcome] = [Retry("a", "b"), Snooze("a", "b", 60), Skip("a", "b"), Fail("a", "b"), _opens(3001)]

    def play(job: Job) -> Outcome:
        return outcomes[job.item_id % len(outcomes)] if job.attempt == 1 else DONE

    with recording(filled.database) as sent:
        worker(filled.database, [FakeKind(play), FakeList()], RunOptions(n=4, wait=False)).run()
    verbs = {statement.split()[0] for statement in sent}
    assert {"SELECT", "UPDATE", "INSERT", "DELETE"} <= verbs
    assert problems(filled.database, sent) == []


def test_a_worker_of_a_selection_sends_no_statement_that_scans_a_table(filled: Rows) -> None:
    filled.select("few", *range(1, 41))
    outcomes: list[Outcome] = [Retry("a", "b"), Snooze("a", "b", 60), Skip("a", "b"), Fail("a", "b"), _opens(3001)]

    def play(job: Job) -> Outcome:
        return outcomes[job.item_id % len(outcomes)] if job.attempt == 1 else DONE

    with recording(filled.database) as sent:
        worker(filled.database, [FakeKind(play), FakeList()], RunOptions(n=4, wait=False, selection="few")).run()
        worker(filled.database, [FakeKind(), FakeList()], RunOptions(n=4, selection="few"))._store.backlog()
    assert any("selection_tracks CROSS JOIN replays" in statement for statement in sent)
    assert problems(filled.database, sent) == []


@pytest.mark.parametrize("model", [TrackRow, ReplayRow, MapRow, CaptureRow])
def test_a_claim_of_a_selection_begins_with_its_tracks(filled: Rows, model: type[Base]) -> None:
    filled.select("few", *range(1, 41))
    table = table_of(model)
    with recording(filled.database) as sent, filled.database.read() as connection:
        connection.execute(next_selected(table), {"selection": "few", "n": 1})
        connection.execute(next_selected_group(table, table.c.track_id), {"selection": "few", "n": 1})
    assert len(sent) == 2
    for plan in plans_of(filled.database, sent):
        assert "ix_selection_tracks_rank" in plan
        assert "TEMP B-TREE" not in plan
    assert problems(filled.database, sent) == []


def test_waiting_and_stopping_workers_scan_no_table(filled: Rows) -> None:
    bench = Bench(filled.database, wall_clock)  # type: ignore[arg-type]
    store = worker(filled.database, [FakeKind(), FakeList()])._store
    with recording(filled.database) as sent:
        store.open()
        store.backlog()
        store.release(bench.claim(n=3))
        store.cycle(CycleInput())
        store.close()
    assert problems(filled.database, sent) == []


def test_rows_of_lost_workers_are_found_without_scanning_a_table(filled: Rows) -> None:
    store = worker(filled.database, [FakeKind()])._store
    Bench(filled.database, wall_clock).register("dead")  # type: ignore[arg-type]
    filled.write("UPDATE replays SET claimed_by = 'dead' WHERE replay_id < 3211 AND status = 'running'")
    with recording(filled.database) as sent:
        cycle = store.cycle(CycleInput())
    assert RowsRecovered("download", 40) in cycle.events
    assert problems(filled.database, sent) == []


def test_status_counts_nothing_row_by_row(filled: Rows) -> None:
    reader = Reader(filled.database.location)
    with recording_reader(reader) as sent:
        state = read_status(reader, Path("data"), None, wall_clock())
    reader.close()
    assert [failure.n for failure in state.failures if failure.status == "failed"] == [100]
    assert problems(filled.database, sent) == []


def test_the_rate_limiter_and_the_candidates_of_a_map_use_indexes(filled: Rows) -> None:
    limiter = RateLimiter(filled.database, stop=threading.Event())
    with recording(filled.database) as sent:
        limiter.set_rate(1000)
        limiter.wait_turn()
        limiter.pause(0, "a while")
        with filled.database.read() as connection:
            connection.execute(extract._CANDIDATES, {"wanted": 1})
    assert len(sent) > 3
    assert problems(filled.database, sent) == []


def test_the_newest_sqlite_is_among_the_planners(sqlite: Database) -> None:
    apsw = needs.module("apsw")
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= max((3, 50), sqlite3.sqlite_version_info)
    (plan,) = _plans_of_newest_sqlite(Path(str(sqlite.path)), {"SELECT * FROM replays WHERE login = ?": ("Ann",)})
    assert plan == "SCAN replays"


def test_an_index_that_some_versions_of_sqlite_ignore_is_found(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replays(*range(1, 201), status="done")
    for track_id in range(2, 12):
        rows.track(track_id)
        rows.replays(*range(track_id * 1000, track_id * 1000 + 20), status="done", track_id=track_id)
    statement = {"SELECT login FROM replays WHERE listed_at = ?": ("2026",)}
    rows.write("UPDATE replays SET listed_at = replay_id")
    rows.write("ANALYZE")
    assert problems(sqlite, statement) == []
    rows.write("UPDATE replays SET listed_at = 2026")
    rows.write("ANALYZE")
    (problem, *_) = problems(sqlite, statement)
    # The second is the plan of such a version itself.
    assert problem.startswith(("ix_replays_listed_at has one value in all of its 400 rows", "SCAN replays"))


def test_a_statement_that_scans_a_table_is_found(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 50))
    for statement in (
        "SELECT replay_id FROM replays WHERE login = 'ann'",
        "SELECT count(*) FROM replays WHERE status = 'done'",
        "UPDATE replays SET attempts = 0 WHERE login = 'ann'",
        "SELECT replay_id FROM replays WHERE status = 'pending' ORDER BY priority DESC, site_time_ms",
    ):
        assert problems(database, {statement: ()}), statement


def _opens(replay_id: int) -> Done:
    inputs = {"replay_id": replay_id, "events": json.dumps([])}
    return Done(
        FILE,
        [
            NewRows(table_of(MapRow), [{"track_id": 1, "priority": 1}]),
            NewRows(table_of(ReplayInputsRow), [inputs], update=("events",)),
            NewRows(table_of(ReplayRow), [{"replay_id": 1, "track_id": 1, "position": None}], update=("position",)),
        ],
    )


@contextmanager
def recording(database: Database) -> Iterator[dict[str, Any]]:
    """Every statement that is sent, once, with one set of its parameters."""
    sent: dict[str, Any] = {}

    def note(conn: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")):
            sent[statement] = parameters[0] if many else parameters

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def recording_reader(reader: Reader) -> Iterator[dict[str, Any]]:
    """Every statement that a reader sends. On SQLite the values are in its text."""
    if reader.file is None:
        with recording(reader._server.database) as sent:
            yield sent
        return
    sent = {}
    reader.file.set_trace_callback(
        lambda statement: sent.update({statement: ()}) if statement.lstrip().startswith(("SELECT", "WITH")) else None
    )
    yield sent
    reader.file.set_trace_callback(None)


def problems(database: Database, sent: dict[str, Any]) -> list[str]:
    """Statements whose plan goes through a large table, or sorts rows of one.

    For a SQLite file the newest SQLite is asked, too, if it is installed: its planner is another one.
    """
    assert sent
    look: Callable[[str, list[str]], str] = _postgresql_problem
    found = [*zip(sent, plans_of(database, sent), strict=True)]
    if database.path is not None:
        look = partial(_sqlite_problem, ignored=_ignored_indexes(database))
        if importlib.util.find_spec("apsw") is not None:
            found += zip(sent, _plans_of_newest_sqlite(database.path, sent), strict=True)
    wrong = [(statement, look(statement, plan.splitlines())) for statement, plan in found]
    return [f"{plan}\n{statement}" for statement, plan in wrong if plan]


def plans_of(database: Database, sent: dict[str, Any]) -> list[str]:
    """How the engine would answer each statement."""
    plan = _sqlite_plan if database.path is not None else _postgresql_plan
    with database.write() as connection:
        if database.path is None:  # as with large tables: these are only taken where no index helps
            for method in ("seqscan", "sort", "bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL enable_{method} = off")
        return ["\n".join(plan(connection, statement, parameters)) for statement, parameters in sent.items()]


def _sqlite_plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def _plans_of_newest_sqlite(path: Path, sent: dict[str, Any]) -> list[str]:
    """How the SQLite that comes with apsw would answer each statement, with statistics of its own if there are any."""
    import apsw

    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(30_000)
        connection.create_scalar_function("packed_inputs", packed, 1)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchall():
            connection.execute("ANALYZE")
        return [
            "\n".join(str(row[-1]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
            for statement, parameters in sent.items()
        ]
    finally:
        connection.close()


def _ignored_indexes(database: Database) -> dict[str, int]:
    """Return the indexes that SQLite 3.44 to 3.50 do not use for `=`, with their number of rows.

    These versions ignore an index of more than 100 rows if ANALYZE found one value in all of them. A statement must not
    need such an index here, because neither the SQLite of the system nor the newest one may be of these versions.
    """
    with database.read() as connection:
        if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").first() is None:
            return {}
        rows = connection.exec_driver_sql("SELECT idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL").all()
    numbers = {str(index): [int(word) for word in stat.split() if word.isdigit()] for index, stat in rows}
    return {index: stat[0] for index, stat in numbers.items() if 100 < stat[0] <= stat[-1]}


def _sqlite_problem(statement: str, lines: list[str], ignored: Mapping[str, int]) -> str:
    large = "|".join(LARGE)
    used = re.findall(r"INDEX (\w+) \(\w+=", "\n".join(lines))
    same = [f"{index} has one value in all of its {ignored[index]} rows" for index in used if index in ignored]
    scans = [line for line in lines if re.match(rf"SCAN ({large})\b(?!.*INDEX ix_\w+_({OF_FEW}))", line)]
    many = [line for line in lines if re.search(rf"\b({large})\b(?!.*INDEX ix_\w+_running)", line)]
    sorts = [line for line in lines if many and "TEMP B-TREE" in line]  # sorting the rows of all workers is cheap
    return "\n".join(same + scans + ([] if any(sign in statement for sign in SORTED) else sorts))


def _postgresql_plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    for name, value in (parameters or {}).items():
        statement = re.sub(rf"%\({name}\)s(::\w+(\[\])?)?", lambda _, value=value: _literal(value), statement)
    return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}".replace("%", "%%"))]


def _postgresql_problem(statement: str, lines: list[str]) -> str:
    large = "|".join(LARGE)
    scans = [line for line in lines if re.search(rf"Seq Scan on ({large})\b", line)]
    # A key without a table's name is of the only table; one of a WITH is of the few rows that were picked before.
    sorts = [line for line in lines if re.search(rf"Sort Key: (\w+( DESC)?(,|$)|.*\b({large})(_\d+)?\.)", line)]
    sorts = sorts if re.search(rf"on ({large})\b", " ".join(lines)) else []
    return "\n".join(scans + ([] if any(sign in statement for sign in SORTED) else sorts))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(str, value))}]::bigint[]"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
