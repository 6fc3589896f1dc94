"""How many requests are in flight: fewer when the site is overloaded, more again when it is not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tmx.conftest import AnyFetcher
from tests.tmx.one_thread import OneThread
from tests.tool import until
from tmxdb.db.database import Database
from tmxdb.errors import ItemGone, SiteError, Throttled, TmxdbError
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.tmx import sites
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.concurrency import STEP, ConcurrencyLimit, ConcurrencyLimiter, SentRequest
from tmxdb.tmx.endpoints import replay_path
from tmxdb.tmx.fetch import Fetcher
from tmxdb.tmx.http.settings import HttpLimits, HttpSettings
from tmxdb_sandbox import RunningSite, running_site


class FakeMonotonic:
    """A monotonic clock that advances by 1 ms with each call."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


@pytest.fixture
def clock() -> FakeMonotonic:
    return FakeMonotonic()


def sent(clock: FakeMonotonic, in_flight: int = 64) -> SentRequest:
    return SentRequest(clock(), in_flight)


def test_the_limit_is_halved_by_a_failure(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(64, monotonic=clock)
    for half in (32, 16, 8, 4, 2, 1, 1, 1):
        limit.record_failure(sent(clock))
        assert limit.current == half


def test_one_burst_of_failures_halves_it_once(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(64, monotonic=clock)
    burst = [sent(clock, in_flight) for in_flight in range(1, 65)][::-1]
    for one in burst:
        limit.record_failure(one)
    assert limit.current == 32
    limit.record_failure(sent(clock))
    assert limit.current == 16


def test_it_is_halved_from_what_was_in_flight_not_from_what_was_allowed(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(64, monotonic=clock)
    limit.record_failure(sent(clock, in_flight=6))
    assert limit.current == 3


def test_it_rises_by_one_for_as_many_good_answers_as_it_allows(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(64, monotonic=clock)
    limit.record_failure(sent(clock))
    for expected in range(32, 64):
        assert limit.current == expected
        for _ in range(expected):
            limit.record_success(sent(clock))
    assert limit.current == 64
    for _ in range(1000):
        limit.record_success(sent(clock))
    assert limit.current == 64


def test_a_low_limit_rises_after_ten_good_answers(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(2, monotonic=clock)
    limit.record_failure(sent(clock))
    for _ in range(STEP - 1):
        limit.record_success(sent(clock))
    assert limit.current == 1
    limit.record_success(sent(clock))
    assert limit.current == 2


def test_good_answers_to_requests_sent_before_the_halving_do_not_raise_it(clock: FakeMonotonic) -> None:
    limit = ConcurrencyLimit(64, monotonic=clock)
    before = [sent(clock) for _ in range(1000)]
    limit.record_failure(before[-1])
    for one in before:
        limit.record_success(one)
    assert limit.current == 32


@given(st.integers(0, 1024), st.lists(st.tuples(st.booleans(), st.integers(1, 1024), st.integers(0, 50))))
def test_it_stays_between_one_and_the_maximum(maximum: int, answers: list[tuple[bool, int, int]]) -> None:
    clock = FakeMonotonic()
    limit = ConcurrencyLimit(maximum, monotonic=clock)
    for good, in_flight, late in answers:
        request = SentRequest(clock() - late * 0.001, in_flight)
        (limit.record_success if good else limit.record_failure)(request)
        assert 1 <= limit.current <= max(maximum, 1)


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (Throttled("m"), 4),
        (SiteError("m", code="tmx.timeout"), 4),
        (SiteError("m", code="tmx.unavailable"), 4),
        (SiteError("m", code="tmx.forbidden"), 8),
        (ItemGone("m"), 8),
        (None, 8),
    ],
)
def test_only_signs_of_an_overloaded_site_halve_it(error: TmxdbError | None, limit: int) -> None:
    limiter = ConcurrencyLimiter(8)
    with ExitStack() as others:
        for _ in range(7):
            others.enter_context(limiter.in_flight())
        with suppress(TmxdbError), limiter.in_flight():
            if error is not None:
                raise error
        assert limiter.limit == limit


def test_there_are_never_more_slots_taken_than_the_limit_allows() -> None:
    limiter, lock = ConcurrencyLimiter(4), threading.Lock()
    inside = highest = 0

    def use() -> None:
        nonlocal inside, highest
        for _ in range(50):
            with limiter.slot(lambda: None):
                with lock:
                    inside += 1
                    highest = max(highest, inside)
                threading.Event().wait(0.0005)
                with lock:
                    inside -= 1

    with ThreadPoolExecutor(16) as threads:
        for future in [threads.submit(use) for _ in range(16)]:
            future.result()
    assert highest == 4


def test_a_thread_that_waits_for_a_slot_stops_waiting_and_takes_none() -> None:
    limiter, stop = ConcurrencyLimiter(1), threading.Event()

    def check_stop() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    ended = threading.Event()

    def wait() -> None:
        with suppress(KeyboardInterrupt), limiter.slot(check_stop):
            raise AssertionError("there is no free slot")
        ended.set()

    with limiter.slot(check_stop):
        thread = threading.Thread(target=wait)
        thread.start()
        stop.set()
        assert ended.wait(120)
        thread.join()
    stop.clear()
    with limiter.slot(check_stop):
        pass


def test_free_slots_go_to_those_who_have_waited_longest() -> None:
    limiter = ConcurrencyLimiter(2)
    first, second, third, fourth = (limiter.request_slot() for _ in range(4))
    assert [slot.is_granted for slot in (first, second, third, fourth)] == [True, True, False, False]
    second.give_back()
    assert (third.is_granted, fourth.is_granted) == (True, False)
    fifth = limiter.request_slot()
    fourth.give_back()  # without ever having had a slot
    first.give_back()
    assert fifth.is_granted


def test_a_job_that_waits_for_a_slot_takes_no_turn_of_the_rate_and_stops_when_asked(sqlite: Database) -> None:
    stop, codes = threading.Event(), queue.SimpleQueue[str]()

    class Counting(RateLimiter):
        turns = 0

        def wait_turn(self) -> None:
            super().wait_turn()
            self.turns += 1

    rate_limiter = Counting(sqlite, stop=stop)
    rate_limiter.set_rate(50)
    with running_site(tracks=2, faults=["hang"]) as site:
        exchange = Exchange(
            sites.site(site.url), contact=None, rate_limiter=rate_limiter, connections=4, max_concurrent=1
        )

        def ask() -> None:
            try:
                exchange.tracks({})
            except TmxdbError as error:
                codes.put(error.code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: site.stats()["requests"] == 1)
        threading.Event().wait(0.3)  # time enough for the others to take turns
        assert (site.stats()["requests"], rate_limiter.turns) == (1, 1)
        stop.set()
        assert [codes.get(timeout=120) for _ in range(3)] == ["worker.stopping"] * 3
    assert codes.get(timeout=120) == "tmx.connection"  # the one in flight when the site ended
    for thread in threads:
        thread.join(120)
    exchange.close()


N = 16
LONG, SHORT = HttpLimits(total_s=60, silence_s=60), HttpLimits(total_s=10, silence_s=4)
Ask = Callable[[int], object]


FETCHERS: dict[str, type[AnyFetcher]] = {"files": Fetcher, "files in one thread": OneThread}


@pytest.fixture(params=[*FETCHERS, "api"])
def ask(request: pytest.FixtureRequest, site: RunningSite, connect: Callable[..., Exchange]) -> Iterator[Ask]:
    """Return a function that sends one request; its exchange is `ask.exchange`."""
    limits = SHORT if request.node.callspec.params.get("fault") == "stall" else LONG
    exchange = connect(site.url, connections=N, max_concurrent=N, http=HttpSettings(limits=limits))
    fetcher = FETCHERS.get(request.param, Fetcher)(exchange)
    wanted = [row["replay_id"] for track_id in site.track_ids() for row in site.leaderboard(track_id)]

    def fetch_one(i: int) -> object:
        return fetcher.fetch(replay_path(wanted[i % len(wanted)]), "replay 5", len, lambda: None)

    def list_one(i: int) -> object:
        return exchange.tracks({"id": i + 1})

    chosen = fetch_one if request.param in FETCHERS else list_one
    chosen.exchange = exchange  # type: ignore[attr-defined]
    yield chosen
    fetcher.close()


def send(ask: Ask, threads: ThreadPoolExecutor, times: int) -> list[Future[None]]:
    """Send `times` requests from up to N threads and ignore their failures."""

    def send_one(i: int) -> None:
        with suppress(TmxdbError):
            ask(i)

    return [threads.submit(send_one, i) for i in range(times)]


@contextmanager
def held(site: RunningSite, in_flight: int) -> Iterator[None]:
    """Hold the responses to the requests of the block until exactly `in_flight` of them are in flight."""
    site.hold()
    try:
        yield
        until(lambda: site.stats()["in_flight"] >= in_flight)
        assert site.stats()["in_flight"] == in_flight
    finally:
        site.release()


@pytest.mark.parametrize("fault", ["storm", "503", pytest.param("stall", marks=pytest.mark.slow)])
def test_an_overloaded_site_gets_fewer_requests_at_the_same_time_and_more_again_later(
    site: RunningSite, ask: Ask, fault: str
) -> None:
    limiter = ask.exchange.concurrency  # type: ignore[attr-defined]
    with ThreadPoolExecutor(N) as threads:
        site.set_faults([fault])
        with held(site, in_flight=N):  # one burst: all were sent before the first answer
            burst = send(ask, threads, N)
        wait(burst)
        assert limiter.limit == N // 2

        site.set_faults([])
        until(lambda: site.stats()["in_flight"] == 0)
        with held(site, in_flight=N // 2):
            others = send(ask, threads, N)
        wait([*others, *send(ask, threads, 6 * STEP)])
        assert limiter.limit > N // 2
