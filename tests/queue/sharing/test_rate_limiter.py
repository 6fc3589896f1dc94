"""One rate and one pause for all workers of a database together."""

from __future__ import annotations

import math
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from tests import forked
from tests.rows import NOW, FakeClock, Rows
from tests.server_clock import set_server_clock
from tmxdb.db.database import Database
from tmxdb.queue.job import WorkerStopping
from tmxdb.queue.rate_limiter import RateLimiter

ROOT = Path(__file__).resolve().parents[3]


class Sleeper(threading.Event):
    """An event that is never set; waiting for it advances the clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.pass_s(max(round((timeout or 0) * 1000), 1) / 1000)
        return False


def limiter_of(database: Database, clock: FakeClock, rate: float | None = None) -> RateLimiter:
    set_server_clock(database, clock)
    limiter = RateLimiter(database, stop=Sleeper(clock), clock=clock, monotonic=clock.monotonic)
    limiter.set_rate(rate)
    return limiter


def delay_answers(database: Database, clock: FakeClock, seconds: float) -> None:
    """Let each answer of the server take some time."""

    def half(*_: object) -> None:
        clock.pass_s(seconds / 2)

    def whole(*_: object) -> None:
        clock.pass_s(seconds)

    event.listen(database.engine, "before_cursor_execute", half)
    event.listen(database.engine, "after_cursor_execute", half)
    for name in ("begin", "commit", "rollback"):
        event.listen(database.engine, name, whole)


def most_in_a_second(moments_ms: list[int]) -> int:
    """The largest number of moments in any second, wherever it begins."""
    moments_ms = sorted(moments_ms)
    return max(sum(1 for moment in moments_ms if first <= moment < first + 1000) for first in moments_ms)


@pytest.mark.parametrize("rate", [0.5, 1, 4, 7.5, 30])
def test_no_second_has_more_requests_than_the_rate_and_hardly_less(
    sqlite: Database, clock: FakeClock, rate: float
) -> None:
    limiters = [limiter_of(sqlite, clock, rate) for _ in range(3)]
    moments = []
    for i in range(36):
        limiters[i % 3].wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= math.ceil(rate)
    assert (moments[-1] - moments[0]) / 1000 <= 36 / rate * 1.15


@pytest.mark.parametrize("rate", [1, 4, 30])
@pytest.mark.parametrize("answer_s", [0.05, 0.15, 0.4])
def test_a_distant_database_keeps_the_rate(
    postgresql: Database, clock: FakeClock, rate: float, answer_s: float
) -> None:
    limiter, moments = limiter_of(postgresql, clock, rate), list[int]()
    delay_answers(postgresql, clock, answer_s)
    for _ in range(12):
        limiter.wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= math.ceil(rate)
    # One thread asks for one turn at a time: the reservation has five answers.
    assert (moments[-1] - moments[0]) / 1000 <= 12 * max(1.1 / rate, 9 * answer_s)


def test_turns_from_before_a_pause_are_not_taken_together_after_it(sqlite: Database, clock: FakeClock) -> None:
    limiter, other = (limiter_of(sqlite, clock, 4) for _ in range(2))
    turns, moments = [turn for turn in (limiter.turn() for _ in range(9)) if turn.wait_s()], list[int]()
    other.pause(5, "slow down")
    clock.pass_s(0.2)
    while turns:
        waits = [(turn.wait_s(), turn) for turn in turns]
        moments += [clock() for wait_s, _ in waits if not wait_s]
        turns = [turn for wait_s, turn in waits if wait_s]
        clock.pass_s(0.005)
    assert moments[0] >= NOW + 5000
    assert most_in_a_second(moments) <= 4


def test_a_pause_is_announced_once_even_if_another_thread_reads_it_first(
    sqlite: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter, announced, write = limiter_of(sqlite, clock), list[str](), sqlite.write
    limiter.on_pause = lambda seconds, reason: announced.append(reason)

    @contextmanager
    def write_and_refresh() -> Iterator[Connection]:
        with write() as connection:
            yield connection
        limiter._refresh()  # as a thread that waits for its turn does

    monkeypatch.setattr(sqlite, "write", write_and_refresh)
    for _ in range(2):
        limiter.pause(5, "the site cannot be reached")
    assert announced == ["the site cannot be reached"]


def test_slots_that_were_missed_do_not_come_on_top(sqlite: Database, clock: FakeClock) -> None:
    """Each process reserves some slots ahead; a busy one uses them too late."""
    limiters, moments = [limiter_of(sqlite, clock, 20) for _ in range(4)], []
    for limiter in limiters:
        limiter.wait_turn()
        moments.append(clock())
    clock.pass_s(0.2)
    for i in range(80):
        limiters[i % 4].wait_turn()
        moments.append(clock())
    assert most_in_a_second(moments) <= 20


def test_without_a_rate_no_request_waits(database: Database, clock: FakeClock) -> None:
    limiter = limiter_of(database, clock)
    for _ in range(100):
        limiter.wait_turn()
    assert clock() == NOW


def test_a_rate_applies_to_all_rate_limiters_of_a_database(database: Database, clock: FakeClock) -> None:
    one, two = limiter_of(database, clock), limiter_of(database, clock)
    one.set_rate(2)
    two._refreshed_s = float("-inf")
    for _ in range(8):
        two.wait_turn()
    assert clock() - NOW >= 3500


def test_a_pause_applies_to_all_rate_limiters_of_a_database(database: Database, clock: FakeClock) -> None:
    one, two = limiter_of(database, clock), limiter_of(database, clock)
    pauses: list[tuple[float, str]] = []
    one.on_pause = lambda seconds, reason: pauses.append((seconds, reason))
    one.pause(30, "the site asked us to slow down")
    one.pause(30, "the site asked us to slow down")
    two._refreshed_s = float("-inf")
    two.wait_turn()
    assert clock() >= NOW + 30_000
    assert pauses == [(30, "the site asked us to slow down")]


def test_a_shorter_pause_does_not_end_a_longer_one(database: Database, clock: FakeClock) -> None:
    limiter = limiter_of(database, clock)
    limiter.pause(30, "long")
    limiter.pause(1, "short")
    limiter.wait_turn()
    assert clock() >= NOW + 30_000
    assert Rows(database).sql("SELECT reason FROM rate_limit") == [("long",)]


def test_a_pause_is_kept_where_no_rate_was_ever_set(database: Database, clock: FakeClock) -> None:
    set_server_clock(database, clock)
    limiter = RateLimiter(database, stop=Sleeper(clock), clock=clock, monotonic=clock.monotonic)
    limiter.pause(5, "slow down")
    limiter._refreshed_s = float("-inf")
    limiter.wait_turn()
    assert clock() >= NOW + 5000


def test_after_a_pause_the_rate_is_kept(sqlite: Database, clock: FakeClock) -> None:
    limiters, moments = [limiter_of(sqlite, clock, 4) for _ in range(8)], []
    for limiter in limiters:
        limiter._slots.extend([clock() + 5] * 3)  # reserved before the pause
    limiters[0].pause(10, "slow down")
    for limiter in limiters:
        limiter.wait_turn()
        moments.append(clock())
    assert min(moments) >= NOW + 10_000
    assert most_in_a_second(moments) <= 4


def test_a_pause_is_at_most_one_day_long(database: Database, clock: FakeClock) -> None:
    limiter = limiter_of(database, clock)
    limiter.pause(1e9, "for ever")
    ((until_ms,),) = Rows(database).sql("SELECT paused_until_ms FROM rate_limit")
    assert until_ms == NOW + 86_400_000


@pytest.mark.parametrize("rate", [None, 4])
def test_a_clock_that_is_set_back_delays_no_request(database: Database, clock: FakeClock, rate: float | None) -> None:
    limiter = limiter_of(database, clock, rate)
    limiter.wait_turn()
    limiter.pause(10, "slow down")
    clock.jump_s(-100 * 86_400)
    limiter._slots.clear()
    limiter._refreshed_s = float("-inf")
    limiter.wait_turn()
    assert clock() < NOW - 99 * 86_400_000


def test_a_slow_database_does_not_make_every_slot_late(sqlite: Database, clock: FakeClock) -> None:
    class Slow(RateLimiter):
        def _set_known(self, until_ms: int) -> None:  # called whenever the database has answered
            clock.now_ms += 150
            super()._set_known(until_ms)

    limiter = Slow(sqlite, stop=Sleeper(clock), clock=clock)
    limiter.set_rate(4)
    for _ in range(20):
        limiter.wait_turn()
    assert clock() - NOW < 20_000


@pytest.mark.parametrize("rate", [0.001, None])
def test_a_waiting_request_ends_when_the_worker_stops(database: Database, rate: float | None) -> None:
    stop = threading.Event()
    limiter = RateLimiter(database, stop=stop)
    limiter.wait_turn()
    limiter.set_rate(rate)  # a busy machine may miss a slot, and the next one comes after 1000 s
    limiter.pause(1000, "slow down")
    ended: list[str] = []

    def wait() -> None:
        try:
            limiter.wait_turn()
        except WorkerStopping as error:
            ended.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    stop.set()
    thread.join(120)
    assert ended == ["worker.stopping"]


def test_processes_and_threads_together_keep_the_rate(database: Database) -> None:
    """On the real clock. A thread that waits for a processor is late, here up to half a second, and the next is not."""
    program = (
        "import sys, threading, time\n"
        "from tmxdb.db.database import Database\n"
        "from tmxdb.queue.rate_limiter import RateLimiter\n"
        "limiter, moments = RateLimiter(Database(sys.argv[1]), stop=threading.Event()), []\n"
        "def ask():\n"
        "    for _ in range(10): limiter.wait_turn(); moments.append(time.time_ns() // 1000000)\n"
        "threads = [threading.Thread(target=ask) for _ in range(3)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]; print(*moments)"
    )
    RateLimiter(database, stop=threading.Event()).set_rate(40)
    both = [forked.python(program, database.location, stdout=subprocess.PIPE) for _ in range(2)]
    moments = [int(word) for process in both for word in process.communicate(timeout=300)[0].split()]
    assert len(moments) == 60
    assert max(moments) - min(moments) >= 1000 * 59 / 40 - 500  # with a rate of their own, 250 ms less


class PausedMeanwhile(Sleeper):
    """At the first wait, another worker pauses all requests for a minute from then on."""

    def __init__(self, clock: FakeClock, other: RateLimiter) -> None:
        super().__init__(clock)
        self._other, self._has_paused = other, False

    def wait(self, timeout: float | None = None) -> bool:
        super().wait(timeout)
        if not self._has_paused:
            self._has_paused = True
            self._other.pause(60, "a little more")
        return False


def test_a_pause_applies_to_requests_that_already_wait(database: Database, clock: FakeClock) -> None:
    other = limiter_of(database, clock)
    other.pause(30, "a little")
    began_ms = clock()
    stop = PausedMeanwhile(clock, other)
    RateLimiter(database, stop=stop, clock=clock, monotonic=clock.monotonic).wait_turn()
    assert 60_000 < clock() - began_ms <= 62_000
