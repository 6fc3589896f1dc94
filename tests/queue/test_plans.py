"""The plans of what runs all the time: on each engine, every statement is answered by an index.

No query is listed here: a worker is run on rows of every status, status is read, a request passes the gate, and
whatever they sent to the database is explained. So a new query can not slip by, nor a changed one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.rows import FILE, NOW, Rows
from tmxdb.clock import iso, wall_clock
from tmxdb.db.bulk import NewRows
from tmxdb.db.engine import Database
from tmxdb.db.models import Map, Replay, ReplayInputs, table_of
from tmxdb.kinds import extract
from tmxdb.queue.job import Done, Fail, Job, Outcome, Retry, Skip, Snooze
from tmxdb.queue.plan import Plan
from tmxdb.queue.politeness import Gate
from tmxdb.reports.status import read_status

from .fakes import DONE, Bench, FakeKind, FakeList, worker

LARGE = ("tracks", "replays", "maps", "captures", "attempts", "inputs")
"""Tables with as many rows as there are tracks, replays or attempts."""
OF_FEW = "pending|running|retry|error"
"""Indexes that may be gone through, for a first row or for those of all workers together."""
SORTED = ("replays.map_uid_matches", "FROM failures", "any(%(keys)s")
"""Statements that may sort: the candidates of one track, the error codes, rows that are locked by their keys."""


@pytest.fixture(params=["as users have it", "analyzed"])
def filled(rows: Rows, request: pytest.FixtureRequest) -> Rows:
    """Many rows, few of them pending, running or in retry: so it is most of the time. Users do not ANALYZE."""
    rows.replays(*range(1, 2001), status="done")
    rows.replays(*range(2001, 2101), status="failed")
    rows.replays(*range(3001, 3051))
    rows.replays(*range(3101, 3151), status="retry", available_at=iso(0))
    rows.replays(*range(3201, 3251), status="running")
    rows.replays(*range(3301, 3311), status="retry", available_at=iso(NOW))
    for track_id in range(2, 300):
        rows.track(track_id, "done")
    if request.param == "analyzed":
        rows.write("ANALYZE")
    return rows


def test_a_worker_sends_nothing_that_goes_through_a_table(filled: Rows) -> None:
    outcomes: list[Outcome] = [Retry("a", "b"), Snooze("a", "b", 60), Skip("a", "b"), Fail("a", "b"), _opens(3001)]

    def play(job: Job) -> Outcome:
        return outcomes[job.item_id % len(outcomes)] if job.attempt == 1 else DONE

    with recording(filled.database) as sent:
        worker(filled.database, [FakeKind(play), FakeList()], Plan(n=4, wait=False)).run()
    verbs = {statement.split()[0] for statement in sent}
    assert {"SELECT", "UPDATE", "INSERT", "DELETE"} <= verbs
    assert problems(filled.database, sent) == []


def test_a_worker_that_waits_and_one_that_stops_look_at_no_whole_table(filled: Rows) -> None:
    bench = Bench(filled.database, wall_clock)  # type: ignore[arg-type]
    desk = worker(filled.database, [FakeKind(), FakeList()])._desk
    with recording(filled.database) as sent:
        desk.open()
        desk.to_come()
        desk.give_back(bench.claim(n=3))
        desk.turn([], {}, {}, {}, {"download": {}, "list": {}})
        desk.close()
    assert problems(filled.database, sent) == []


def test_rows_of_dead_workers_are_found_without_going_through_a_table(filled: Rows) -> None:
    desk = worker(filled.database, [FakeKind()])._desk
    Bench(filled.database, wall_clock).sign_in("dead")  # type: ignore[arg-type]
    filled.write("UPDATE replays SET claimed_by = 'dead' WHERE replay_id < 3211 AND status = 'running'")
    with recording(filled.database) as sent:
        turn = desk.turn([], {}, {}, {}, {"download": {}})
    assert turn.taken_back == {"download": 40}
    assert problems(filled.database, sent) == []


def test_status_counts_nothing_row_by_row(filled: Rows) -> None:
    with recording(filled.database) as sent:
        state = read_status(filled.database, Path("data"), None, wall_clock())
    assert [failure.n for failure in state.failures if failure.status == "failed"] == [100]
    assert problems(filled.database, sent) == []


def test_the_gate_and_the_candidates_of_a_map_are_looked_up(filled: Rows) -> None:
    gate = Gate(filled.database, stop=threading.Event())
    with recording(filled.database) as sent:
        gate.set_rate(1000)
        gate.wait_turn()
        gate.pause(0, "a while")
        with filled.database.read() as connection:
            connection.execute(extract._CANDIDATES, {"wanted": 1})
    assert len(sent) > 3
    assert problems(filled.database, sent) == []


def test_a_statement_that_goes_through_a_table_would_be_noticed(database: Database, rows: Rows) -> None:
    rows.replays(*range(1, 50))
    for statement in (
        "SELECT replay_id FROM replays WHERE user_name = 'Ann'",
        "SELECT count(*) FROM replays WHERE status = 'done'",
        "UPDATE replays SET attempts = 0 WHERE user_name = 'Ann'",
        "SELECT replay_id FROM replays WHERE status = 'pending' ORDER BY priority DESC, site_time_ms",
    ):
        assert problems(database, {statement: ()}), statement


def _opens(replay_id: int) -> Done:
    inputs = {"replay_id": replay_id, "events": json.dumps([])}
    return Done(
        FILE,
        [
            NewRows(table_of(Map), [{"track_id": 1, "priority": 1}]),
            NewRows(table_of(ReplayInputs), [inputs], update=("events",)),
            NewRows(table_of(Replay), [{"replay_id": 1, "track_id": 1, "position": None}], update=("position",)),
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


def problems(database: Database, sent: dict[str, Any]) -> list[str]:
    """Statements whose plan goes through a large table, or sorts rows of one."""
    assert sent
    look = _sqlite_problem if database.path is not None else _postgresql_problem
    found = zip(sent, plans_of(database, sent), strict=True)
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


def _sqlite_problem(statement: str, lines: list[str]) -> str:
    large = "|".join(LARGE)
    scans = [line for line in lines if re.match(rf"SCAN ({large})\b(?!.*INDEX ix_\w+_({OF_FEW}))", line)]
    sorts = [line for line in lines if "TEMP B-TREE" in line and re.search(rf"\b({large})\b", " ".join(lines))]
    return "\n".join(scans + ([] if any(sign in statement for sign in SORTED) else sorts))


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
