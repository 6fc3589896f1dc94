"""Rows of a group: claimed together, held by one worker at a time, done by one thread one after another."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.queue.fakes import DONE, Bench, FakeKind, Play, wait_until, worker
from tests.queue.test_plans import plans_of, recording
from tests.rows import NOW, FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.queue.job import Job, Kind
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.rows.groups import MAX_GROUP_ROWS, claim_groups

ROOT = Path(__file__).resolve().parents[2]


class Grouped(FakeKind):
    """Downloads that belong together by track, as captures do."""

    def __init__(self, play: Play = lambda job: DONE, *, most: int = 1024) -> None:
        super().__init__(play, most=most)
        self.group = self.table.c.track_id


class GroupBench(Bench):
    def __init__(self, database: Database, clock: FakeClock) -> None:
        super().__init__(database, clock, Grouped())

    def claim_groups(self, name: str = "me", groups: int = 1, rows: int = 1000) -> list[Job]:
        with self.database.write() as connection:
            return claim_groups(
                connection, self.kind, self.kind.group, worker=name, groups=groups, rows=rows,  # type: ignore[attr-defined]
                now_ms=self.clock(),
            )  # fmt: skip


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> GroupBench:
    return GroupBench(database, clock)


def fill(rows: Rows, tracks: int, each: int, **columns: Any) -> None:
    for track_id in range(1, tracks + 1):
        for place in range(each):
            rows.replay(100 * track_id + place, track_id=track_id, **columns)


def ids(jobs: list[Job]) -> list[int]:
    return [job.item_id for job in jobs]


def test_the_group_of_the_most_urgent_row_is_claimed_whole_and_nothing_else(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 3, 3, priority=5)
    rows.replay(299, track_id=2, priority=1)
    assert ids(bench.claim_groups()) == [299, 200, 201, 202]


def test_a_group_that_a_worker_holds_is_skipped(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 2, 3)
    bench.claim("other", n=1)  # one row of track 1
    assert ids(bench.claim_groups()) == [200, 201, 202]
    assert bench.claim_groups() == []


def test_a_group_can_be_claimed_again_when_no_worker_holds_it(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 1, 2)
    first, second = bench.claim_groups()
    rows.replay(150, track_id=1)
    assert bench.claim_groups() == []
    bench.settle((first, DONE), (second, DONE))
    assert ids(bench.claim_groups()) == [150]


def test_several_groups_come_together_each_with_all_its_rows(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 4, 2)
    assert ids(bench.claim_groups(groups=3)) == [100, 101, 200, 201, 300, 301]


def test_of_a_large_group_a_limited_number_is_claimed(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 1, MAX_GROUP_ROWS + 5)
    assert len(bench.claim_groups()) == MAX_GROUP_ROWS
    assert bench.claim_groups("other") == []


def test_a_limit_on_rows_counts_for_all_groups_together(bench: GroupBench, rows: Rows) -> None:
    fill(rows, 2, 3)
    assert ids(bench.claim_groups(groups=2, rows=4)) == [100, 101, 102, 200]


def test_threads_that_claim_concurrently_never_hold_the_same_group(database: Database, rows: Rows) -> None:
    fill(rows, 30, 3)
    held: dict[int, set[str]] = defaultdict(set)
    start = threading.Barrier(4)

    def work(name: str) -> None:
        bench = GroupBench(database, FakeClock())
        start.wait()
        while jobs := bench.claim_groups(name):
            for job in jobs:
                held[job.row["track_id"]].add(name)

    threads = [threading.Thread(target=work, args=(f"worker {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 30
    assert all(len(names) == 1 for names in held.values())


@pytest.mark.slow
def test_processes_that_claim_and_settle_concurrently_never_hold_the_same_group(database: Database, rows: Rows) -> None:
    """Each says when it began and ended with a group: no two of them overlap."""
    fill(rows, 6, 4)
    children = [_claimer(database.location, f"worker {i}") for i in range(3)]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    done = 0
    for child in children:
        out, _ = child.communicate(timeout=300)
        for line in out.splitlines():
            group, begin, end, n = line.split()
            spans[group].append((float(begin), float(end)))
            done += int(n)
    assert done == 24
    for times in spans.values():
        times.sort()
        assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def _claimer(location: str, name: str) -> subprocess.Popen[str]:
    program = """
import sys, time
from tests.queue.test_groups import GroupBench
from tests.queue.fakes import DONE
from tests.rows import FakeClock
from tmxdb.db.database import Database
bench = GroupBench(Database(sys.argv[1]), FakeClock())
print("ready", flush=True)
sys.stdin.readline()
idle = 0
while idle < 40:
    jobs = bench.claim_groups(sys.argv[2], rows=2)
    if not jobs:
        idle += 1
        time.sleep(0.005)
        continue
    begin = time.monotonic()
    time.sleep(0.003)
    end = time.monotonic()
    bench.settle(*((job, DONE) for job in jobs), worker=sys.argv[2])
    print(jobs[0].row["track_id"], begin, end, len(jobs))
"""
    return forked.python(program, location, name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_finding_and_claiming_a_group_is_answered_by_indexes(database: Database, rows: Rows) -> None:
    for track_id in range(1, 41):
        rows.track(track_id)
    rows.replays(*range(1, 2001), status="done")
    rows.write("UPDATE replays SET track_id = 1 + replay_id - replay_id / 40 * 40")
    rows.write("UPDATE replays SET status = 'pending', finished_at = NULL WHERE replay_id > 1800")
    rows.write("ANALYZE")
    kind = Grouped()
    with recording(database) as sent, database.write() as connection:
        claim_groups(connection, kind, kind.group, worker="me", groups=1, rows=9, now_ms=NOW)
    relevant = {sql: values for sql, values in sent.items() if "advisory" not in sql}
    finding, claiming = plans_of(database, relevant)
    assert "ix_replays_pending" in finding
    assert "TEMP B-TREE" not in finding
    assert "SCAN replays\n" not in finding
    # By its track: among a million pending rows those of one track are too far apart to be looked for in their order.
    assert re.search("ix_replays_(pending_)?track", claiming)


# The worker and its threads


class Log:
    """Which thread did which job when. The first job of each of `threads` threads lasts until all have begun one."""

    def __init__(self, threads: int) -> None:
        self.done: list[tuple[str, int, float, float]] = []
        self._all_have_begun = threading.Barrier(threads)
        self._begun: set[str] = set()

    def __call__(self, job: Job) -> Any:
        begin = time.monotonic()
        if threading.current_thread().name not in self._begun:
            self._begun.add(threading.current_thread().name)
            self._all_have_begun.wait(120)
        time.sleep(0.002)
        self.done.append((threading.current_thread().name, job.row["track_id"], begin, time.monotonic()))
        return DONE


def test_a_group_is_done_by_one_thread_one_row_after_another(database: Database, rows: Rows) -> None:
    fill(rows, 6, 5)
    log = Log(threads=3)
    kind: Kind = Grouped(log)
    totals = worker(database, [kind], RunOptions(n=3)).run()
    assert totals.of("done") == 30
    threads: dict[int, set[str]] = defaultdict(set)
    spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for thread, track_id, begin, end in log.done:
        threads[track_id].add(thread)
        spans[track_id].append((begin, end))
    assert all(len(names) == 1 for names in threads.values())
    assert len(set().union(*threads.values())) == 3
    for times in spans.values():
        assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_a_limit_holds_for_groups_too(database: Database, rows: Rows) -> None:
    fill(rows, 3, 5)
    totals = worker(database, [Grouped()], RunOptions(n=2, limit=7)).run()
    assert totals.of("done") == 7


def test_groups_larger_than_a_claim_are_done_to_the_end(database: Database, rows: Rows) -> None:
    fill(rows, 2, MAX_GROUP_ROWS + 3)
    assert worker(database, [Grouped()], RunOptions(n=2)).run().of("done") == 2 * (MAX_GROUP_ROWS + 3)


def test_rows_that_no_thread_has_begun_are_released_when_the_worker_stops(database: Database, rows: Rows) -> None:
    fill(rows, 2, 20)
    stop = threading.Event()

    def play(job: Job) -> Any:
        stop.set()
        wait_until(lambda: "pending" in rows.statuses().values())
        return DONE

    totals = worker(database, [Grouped(play)], RunOptions(n=2), stop=stop).run()
    assert 1 <= totals.of("done") < 40
    assert set(rows.statuses().values()) == {"done", "pending"}
