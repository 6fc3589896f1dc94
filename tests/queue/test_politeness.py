"""One rate and one pause for all workers of a database together."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.rows import NOW, FakeClock, Rows
from tmxdb.db.engine import Database
from tmxdb.queue.job import GivenBack
from tmxdb.queue.politeness import Gate

from .fakes import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Sleeper(threading.Event):
    """Whoever waits for this event lets the clock go on instead; never set."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now_ms += max(round((timeout or 0) * 1000), 1)
        return False


def gate_of(database: Database, clock: FakeClock, rate: float | None = None) -> Gate:
    gate = Gate(database, stop=Sleeper(clock), clock=clock)
    gate.set_rate(rate)
    return gate


def most_in_a_second(moments_ms: list[int]) -> int:
    """The largest number of moments in any second, wherever it begins."""
    moments_ms = sorted(moments_ms)
    return max(sum(1 for moment in moments_ms if first <= moment < first + 1000) for first in moments_ms)


@pytest.mark.parametrize("rate", [0.5, 1, 4, 7.5, 30])
def test_no_second_has_more_requests_than_the_rate_and_hardly_less(
    sqlite: Database, clock: FakeClock, rate: float
) -> None:
    gates = [gate_of(sqlite, clock, rate) for _ in range(3)]
    moments = []
    for i in range(36):
        gates[i % 3].wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= math.ceil(rate)
    assert (moments[-1] - moments[0]) / 1000 <= 36 / rate * 1.15


def test_slots_that_were_missed_do_not_come_on_top(sqlite: Database, clock: FakeClock) -> None:
    """Each process reserves some slots ahead; a busy one uses them too late."""
    gates, moments = [gate_of(sqlite, clock, 20) for _ in range(4)], []
    for gate in gates:
        gate.wait_turn()
        moments.append(clock())
    clock.pass_s(0.2)
    for i in range(80):
        gates[i % 4].wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= 20


def test_without_a_rate_nobody_waits(database: Database, clock: FakeClock) -> None:
    gate = gate_of(database, clock)
    for _ in range(100):
        gate.wait_turn()
    assert clock() == NOW


def test_a_rate_that_is_set_is_kept_by_all_gates(database: Database, clock: FakeClock) -> None:
    one, two = gate_of(database, clock), gate_of(database, clock)
    one.set_rate(2)
    two._looked_at = float("-inf")
    for _ in range(8):
        two.wait_turn()
    assert clock() - NOW >= 3500


def test_a_pause_holds_up_every_gate_of_the_database(database: Database, clock: FakeClock) -> None:
    one, two = gate_of(database, clock), gate_of(database, clock)
    told: list[tuple[float, str]] = []
    one.on_pause = lambda seconds, reason: told.append((seconds, reason))
    one.pause(30, "the site asked us to slow down")
    one.pause(30, "the site asked us to slow down")
    two._looked_at = float("-inf")
    two.wait_turn()
    assert clock() >= NOW + 30_000
    assert told == [(30, "the site asked us to slow down")]


def test_a_shorter_pause_does_not_end_a_longer_one(database: Database, clock: FakeClock) -> None:
    gate = gate_of(database, clock)
    gate.pause(30, "long")
    gate.pause(1, "short")
    gate.wait_turn()
    assert clock() >= NOW + 30_000
    assert Rows(database).sql("SELECT reason FROM politeness") == [("long",)]


def test_a_pause_is_kept_where_no_rate_was_ever_set(database: Database, clock: FakeClock) -> None:
    gate = Gate(database, stop=Sleeper(clock), clock=clock)
    gate.pause(5, "slow down")
    gate._looked_at = float("-inf")
    gate.wait_turn()
    assert clock() >= NOW + 5000


def test_after_a_pause_the_rate_is_kept_by_those_who_waited(sqlite: Database, clock: FakeClock) -> None:
    gates, moments = [gate_of(sqlite, clock, 4) for _ in range(8)], []
    for gate in gates:
        gate._slots.extend([clock() + 5] * 3)  # reserved before the pause
    gates[0].pause(10, "slow down")
    for gate in gates:
        gate.wait_turn()
        moments.append(clock())
    assert min(moments) >= NOW + 10_000
    assert most_in_a_second(moments) <= 4


def test_nobody_can_ask_for_more_than_a_day(database: Database, clock: FakeClock) -> None:
    gate = gate_of(database, clock)
    gate.pause(1e9, "for ever")
    ((until_ms,),) = Rows(database).sql("SELECT paused_until_ms FROM politeness")
    assert until_ms == NOW + 86_400_000


@pytest.mark.parametrize("rate", [None, 4])
def test_a_clock_that_is_set_back_holds_nobody_up(database: Database, clock: FakeClock, rate: float | None) -> None:
    gate = gate_of(database, clock, rate)
    gate.wait_turn()
    gate.pause(10, "slow down")
    clock.jump_s(-100 * 86_400)
    gate._slots.clear()
    gate._looked_at = float("-inf")
    gate.wait_turn()
    assert clock() < NOW - 99 * 86_400_000


def test_time_that_the_database_took_is_no_reason_to_miss_slots_for_ever(sqlite: Database, clock: FakeClock) -> None:
    class Slow(Gate):
        def _know(self, until_ms: int) -> None:  # called whenever the database has answered
            clock.now_ms += 150
            super()._know(until_ms)

    gate = Slow(sqlite, stop=Sleeper(clock), clock=clock)
    gate.set_rate(4)
    for _ in range(20):
        gate.wait_turn()
    assert clock() - NOW < 20_000


@pytest.mark.parametrize("rate", [0.001, None])
def test_whoever_waits_is_given_back_when_told_to_stop(database: Database, rate: float | None) -> None:
    stop = threading.Event()
    gate = Gate(database, stop=stop)
    gate.set_rate(rate)
    gate.wait_turn()
    gate.pause(1000, "slow down")
    ended: list[str] = []

    def wait() -> None:
        try:
            gate.wait_turn()
        except GivenBack as error:
            ended.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    stop.set()
    thread.join(20)
    assert ended == ["worker.stopping"]


def test_processes_and_threads_together_keep_the_rate(database: Database) -> None:
    """On the real clock, where everybody is a little late."""
    program = (
        "import sys, threading, time; from tmxdb.db.engine import Database; from tmxdb.queue.politeness import Gate\n"
        "gate, moments = Gate(Database(sys.argv[1]), stop=threading.Event()), []\n"
        "def ask():\n"
        "    for _ in range(10): gate.wait_turn(); moments.append(time.time_ns() // 1000000)\n"
        "threads = [threading.Thread(target=ask) for _ in range(3)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]; print(*moments)"
    )
    Gate(database, stop=threading.Event()).set_rate(40)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, database.location], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    moments = [int(word) for process in both for word in process.communicate(timeout=60)[0].split()]
    assert len(moments) == 60
    assert most_in_a_second(moments) <= 40


def test_a_pause_is_seen_by_those_who_wait_already(database: Database) -> None:
    stop, passed = threading.Event(), threading.Event()
    one, two = Gate(database, stop=stop), Gate(database, stop=stop)
    one.pause(0.4, "a little")
    began = time.monotonic()

    def wait() -> None:
        two.wait_turn()
        passed.set()

    thread = threading.Thread(target=wait)
    thread.start()
    one.pause(0.8, "a little more")
    wait_until(passed.is_set)
    thread.join()
    assert time.monotonic() - began >= 0.75
