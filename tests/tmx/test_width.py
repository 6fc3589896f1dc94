"""How many requests are on their way at once: fewer when the site suffers, more again when it does not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.db.engine import Database
from tmxdb.errors import Gone, SiteTrouble, Throttled, TmxdbError
from tmxdb.queue.politeness import Gate
from tmxdb.sandbox import RunningSite, running_site
from tmxdb.tmx import client, fetch, sites
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import replay_path
from tmxdb.tmx.fetch import Fetcher
from tmxdb.tmx.width import STEP, Lanes, Sent, Width

from ..tool import until


class Steady:
    """A steady clock that goes on when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


@pytest.fixture
def clock() -> Steady:
    return Steady()


def sent(clock: Steady, beside: int = 64) -> Sent:
    return Sent(clock(), beside)


def test_it_halves_when_the_site_suffers(clock: Steady) -> None:
    width = Width(64, monotonic=clock)
    for half in (32, 16, 8, 4, 2, 1, 1, 1):
        width.bad(sent(clock))
        assert width.now == half


def test_one_burst_halves_once(clock: Steady) -> None:
    width = Width(64, monotonic=clock)
    burst = [sent(clock, beside) for beside in range(1, 65)][::-1]
    for one in burst:
        width.bad(one)
    assert width.now == 32
    width.bad(sent(clock))
    assert width.now == 16


def test_it_halves_what_was_on_its_way_not_what_would_have_been_allowed(clock: Steady) -> None:
    width = Width(64, monotonic=clock)
    width.bad(sent(clock, beside=6))
    assert width.now == 3


def test_it_creeps_back_by_one_for_as_many_good_answers_as_there_is_room(clock: Steady) -> None:
    width = Width(64, monotonic=clock)
    width.bad(sent(clock))
    for wide in range(32, 64):
        assert width.now == wide
        for _ in range(wide):
            width.good(sent(clock))
    assert width.now == 64
    for _ in range(1000):
        width.good(sent(clock))
    assert width.now == 64


def test_where_little_room_is_left_it_takes_ten_good_answers(clock: Steady) -> None:
    width = Width(2, monotonic=clock)
    width.bad(sent(clock))
    for _ in range(STEP - 1):
        width.good(sent(clock))
    assert width.now == 1
    width.good(sent(clock))
    assert width.now == 2


def test_good_answers_to_what_was_sent_before_the_halving_do_not_widen_it(clock: Steady) -> None:
    width = Width(64, monotonic=clock)
    before = [sent(clock) for _ in range(1000)]
    width.bad(before[-1])
    for one in before:
        width.good(one)
    assert width.now == 32


@given(st.integers(0, 1024), st.lists(st.tuples(st.booleans(), st.integers(1, 1024), st.integers(0, 50))))
def test_it_stays_between_one_and_the_most(most: int, answers: list[tuple[bool, int, int]]) -> None:
    clock = Steady()
    width = Width(most, monotonic=clock)
    for good, beside, late in answers:
        one = Sent(clock() - late * 0.001, beside)
        (width.good if good else width.bad)(one)
        assert 1 <= width.now <= max(most, 1)


@pytest.mark.parametrize(
    ("error", "width"),
    [
        (Throttled("m"), 4),
        (SiteTrouble("m", code="tmx.timeout"), 4),
        (SiteTrouble("m", code="tmx.unavailable"), 4),
        (SiteTrouble("m", code="tmx.forbidden"), 8),
        (Gone("m"), 8),
        (None, 8),
    ],
)
def test_only_signs_of_a_suffering_site_narrow_it(error: TmxdbError | None, width: int) -> None:
    lanes = Lanes(8)
    flights = [lanes.flight() for _ in range(8)]
    last = [flight.__enter__() for flight in flights][-1]
    lanes.judge(last, error)
    assert lanes.width == width


def test_there_is_never_more_in_the_lanes_than_the_width_says() -> None:
    lanes, lock = Lanes(4), threading.Lock()
    inside = most = 0

    def use() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lanes.lane(lambda: None):
                with lock:
                    inside += 1
                    most = max(most, inside)
                threading.Event().wait(0.0005)
                with lock:
                    inside -= 1

    with ThreadPoolExecutor(16) as threads:
        for future in [threads.submit(use) for _ in range(16)]:
            future.result()
    assert most == 4


def test_whoever_waits_for_room_ends_when_told_to_stop_and_takes_none() -> None:
    lanes, stop = Lanes(1), threading.Event()

    def may_go_on() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    ended = threading.Event()

    def wait() -> None:
        with suppress(KeyboardInterrupt), lanes.lane(may_go_on):
            raise AssertionError("there is no room")
        ended.set()

    with lanes.lane(may_go_on):
        thread = threading.Thread(target=wait)
        thread.start()
        stop.set()
        assert ended.wait(20)
        thread.join()
    stop.clear()
    with lanes.lane(may_go_on):
        pass


def test_a_job_that_waits_for_room_holds_no_slot_of_the_rate_and_ends_when_told_to_stop(sqlite: Database) -> None:
    stop, codes = threading.Event(), queue.SimpleQueue[str]()

    class Counting(Gate):
        turns = 0

        def wait_turn(self) -> None:
            super().wait_turn()
            self.turns += 1

    gate = Counting(sqlite, stop=stop)
    gate.set_rate(50)
    with running_site(tracks=2, faults=["hang"]) as site:
        exchange = Exchange(sites.site(site.url), contact=None, gate=gate, connections=4, at_once=1)

        def ask() -> None:
            try:
                exchange.tracks({})
            except TmxdbError as error:
                codes.put(error.code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: site.stats()["requests"] == 1)
        threading.Event().wait(0.3)  # the others had time to take slots
        assert (site.stats()["requests"], gate.turns) == (1, 1)
        stop.set()
        assert [codes.get(timeout=20) for _ in range(3)] == ["worker.stopping"] * 3
    assert codes.get(timeout=20) == "tmx.connection"  # the one on its way, when the site ended
    for thread in threads:
        thread.join(20)
    exchange.close()


N = 16
Ask = Callable[[int], object]


@pytest.fixture(params=["files", "api"])
def ask(request: pytest.FixtureRequest, site: RunningSite, connect: Callable[..., Exchange]) -> Iterator[Ask]:
    """Asks the site for one thing or another; the exchange is at `ask.exchange`."""
    exchange = connect(site.url, connections=N, at_once=N)
    fetcher = Fetcher(exchange)
    wanted = [row["replay_id"] for track_id in site.track_ids() for row in site.board(track_id)]

    def fetch_one(i: int) -> object:
        return fetcher.fetch(replay_path(wanted[i % len(wanted)]), "replay 5", len)

    def list_one(i: int) -> object:
        return exchange.tracks({"id": i + 1})

    chosen = fetch_one if request.param == "files" else list_one
    chosen.exchange = exchange  # type: ignore[attr-defined]
    yield chosen
    fetcher.close()


def together(ask: Ask, times: int) -> None:
    """`times` requests by N threads that begin together; what goes wrong is left to the width."""
    start = threading.Barrier(N)

    def one(i: int) -> None:
        if i < N:
            start.wait(20)
        with suppress(TmxdbError):
            ask(i)

    with ThreadPoolExecutor(N) as threads:
        list(threads.map(one, range(times)))


@pytest.mark.parametrize("fault", ["storm", "503", pytest.param("stall", marks=pytest.mark.slow)])
def test_a_suffering_site_is_asked_less_at_once_and_more_again_when_it_is_well(
    site: RunningSite, ask: Ask, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TOTAL_S", 3)
    lanes = ask.exchange.lanes  # type: ignore[attr-defined]
    site.set_latency(100)
    try:
        together(ask, 3 * N)
        assert site.stats()["max_in_flight"] == N

        site.set_faults([fault])
        with monkeypatch.context() as patch:
            patch.setattr(client, "SILENCE_S", 1)
            together(ask, N)  # one burst
        assert lanes.width <= N // 2
        site.set_faults([])
        width = lanes.width
        until(lambda: site.stats()["open_connections"] <= N)
        site.forget()
        together(ask, N)
        assert site.stats()["max_in_flight"] <= lanes.width <= width + 2

        together(ask, 6 * STEP)
        assert lanes.width > width
    finally:
        site.set_latency(0)
