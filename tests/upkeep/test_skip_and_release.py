"""`tmxdb skip` and `tmxdb release`: with a worker that was killed, one that hangs, one of another machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.queue.fakes import Bench
from tests.rows import FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow
from tmxdb.queue.worker_registry import HEARTBEAT_MS, LEASE_MS, LivenessMonitor, process_started_ms, this_machine
from tmxdb.upkeep.stale_workers import find_stale_workers

Run = Callable[..., Any]


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database, wall_clock)  # type: ignore[arg-type]  # the command line has no other clock


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


def test_a_track_is_left_alone_in_all_its_kinds_and_comes_back_by_retry(tool: Run, rows: Rows) -> None:
    rows.replay(1, track_id=7)
    rows.replay(2, "done", track_id=7)
    rows.replay(3, track_id=8)
    rows.map(7, "failed")
    assert tool("skip", "--track", 7, "--reason", "crashes the game", "--dry-run").out == "3\n"
    assert rows.statuses() == {1: "pending", 2: "done", 3: "pending"}
    ran = tool("skip", "--track", 7, "--reason", "crashes the game")
    assert ran.out == "3\n"
    assert "download: 1 row skipped." in ran.err
    assert rows.statuses() == {1: "skipped", 2: "done", 3: "pending"}
    assert rows.one(MapRow, 7)["error"] == "crashes the game"
    assert tool("retry", "--status", "skipped", "--code", "user.skipped").out == "3\n"
    assert rows.statuses() == {1: "pending", 2: "done", 3: "pending"}


def test_rows_are_skipped_by_code_and_by_id(tool: Run, rows: Rows) -> None:
    rows.replay(1, "failed", error_code="gbx.lzo")
    rows.replay(2, "failed", error_code="gbx.lzo")
    rows.replay(3, "failed", error_code="tmx.timeout")
    assert tool("skip", "--kind", "download", "--id", 1, "--reason", "x").out == "1\n"
    assert tool("skip", "--code", "gbx.lzo", "--reason", "x").out == "1\n"
    assert rows.statuses() == {1: "skipped", 2: "skipped", 3: "failed"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--reason", "x"],
        ["--track", "5"],
        ["--id", "5", "--reason", "x"],
        ["--track", "5", "--reason", " "],
        ["--track", str(2**63), "--reason", "x"],
    ],
)
def test_a_skip_without_rows_or_reason_is_wrong_usage(tool: Run, rows: Rows, wrong: list[str]) -> None:
    rows.replay(5)
    tool("skip", *wrong, ends=2)
    assert rows.statuses() == {5: "pending"}


def test_rows_of_a_killed_worker_are_given_back_and_it_is_struck_off(tool: Run, rows: Rows, bench: Bench) -> None:
    rows.replays(1, 2)
    with process() as dead, process() as alive:
        for name, its in (("dead", dead), ("alive", alive)):
            bench.register(name, machine=this_machine(), pid=its.pid, started_ms=process_started_ms(its.pid) or 0)
            bench.claim(name)
        dead.kill()
        dead.wait(300)
        dry = tool("release", "--dry-run")
        assert dry.out == "1\n"
        assert rows.workers() == ["alive", "dead"]
        ran = tool("release")
        assert ran.out == "1\n"
        assert f"Removed from the list of workers: dead (process {dead.pid}" in ran.err
    assert rows.statuses() == {1: "pending", 2: "running"}
    assert rows.workers() == ["alive"]
    assert rows.one(ReplayRow, 1)["attempts"] == 0


def test_a_living_worker_loses_its_rows_only_by_name_or_all(tool: Run, rows: Rows, bench: Bench) -> None:
    rows.replay(1)
    bench.register("elsewhere")
    (job,) = bench.claim("elsewhere")
    assert tool("release").out == "0\n"
    assert (
        "No worker missing. Workers of this database: elsewhere" in tool("release", "--worker", "missing", ends=1).error
    )
    ran = tool("release", "--worker", "elsewhere")
    assert ran.out == "1\n"
    assert "Still on the list of workers: elsewhere" in ran.err
    assert rows.statuses() == {1: "pending"}
    bench.claim("elsewhere")
    assert tool("release", "--all").out == "1\n"
    assert rows.one(ReplayRow, 1)["claim_token"] == job.token + 1
    tool("release", "--all", "--worker", "elsewhere", ends=2)


def test_a_silent_worker_of_another_machine_is_watched_before_it_counts_as_gone(
    database: Database, rows: Rows, clock: FakeClock
) -> None:
    set_server_clock(database, clock)
    ours = Bench(database, clock)
    for name in ("silent", "late"):
        ours.register(name)
    announced: list[str] = []

    def wait(seconds: float) -> None:
        clock.pass_s(seconds)
        beat = iso(clock())
        rows.write(f"update workers set heartbeat_at = '{beat}' where worker_id = 'late'")

    clock.pass_s(LEASE_MS / 1000 + 1)
    stale = find_stale_workers(
        database,
        clock=clock,
        monitor=LivenessMonitor(clock.monotonic),
        wait=wait,
        on_wait=lambda workers, _: announced.extend(worker.worker_id for worker in workers),
    )
    assert [worker.worker_id for worker in stale] == ["silent"]
    assert sorted(announced) == ["late", "silent"]
    assert clock.steady_s <= LEASE_MS / 1000 + 2 + 3 * HEARTBEAT_MS / 1000
