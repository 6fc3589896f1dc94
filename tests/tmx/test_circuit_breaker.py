"""Outages are recognised from the outcomes of requests: all workers pause, and the run stops when they last."""

from __future__ import annotations

import gc
import threading
import weakref
from itertools import count

import pytest

from tests.tmx.test_response_errors import UNEXPECTED
from tmxdb.errors import (
    DiskError,
    InvalidResponse,
    RetryLater,
    SiteError,
    SiteOutage,
    SiteRefused,
    SiteUnreachable,
    Throttled,
    TmxdbError,
)
from tmxdb.failure_policy import Action, escalate_after, policy_for
from tmxdb.tmx import circuit_breaker as circuit_breaker_module
from tmxdb.tmx.circuit_breaker import MAX_ABSENCE_S, MAX_FORBIDDEN, MAX_OUTAGE_S, CircuitBreaker
from tmxdb.tmx.response_errors import status_error

LOST_AT_MOST, FAILING_AT_MOST = escalate_after("tmx.connection"), escalate_after("tmx.unavailable")
WRONG_AT_MOST = escalate_after("tmx.html")
_items = count()


class Pauses(list[tuple[float, str]]):
    def __call__(self, seconds: float, reason: str) -> None:
        self.append((seconds, reason))


class FakeClock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(pauses: Pauses, clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker("http://site", pauses, monotonic=clock)


def fail(breaker: CircuitBreaker, error: TmxdbError, item: str = "", before: str | None = None) -> TmxdbError:
    """Return what is raised for a request for `item` (another one each time) that fails with `error`."""
    with pytest.raises(TmxdbError) as raised, breaker.recording(item or f"replay {next(_items)}", before=before):
        raise error
    return raised.value


def succeed(breaker: CircuitBreaker) -> None:
    with breaker.recording("replay 5"):
        pass


def status(number: int, retry_after: str | None = None) -> TmxdbError:
    error = status_error(number, "replay 5", retry_after, now_s=0)
    assert error is not None
    return error


def lost() -> TmxdbError:
    return SiteError("replay 5: connection refused.", code="tmx.connection")


def timeout() -> TmxdbError:
    return SiteError("replay 5: no complete answer in time.", code="tmx.timeout")


WRONG = {
    **{str(number): status(number) for number in [*UNEXPECTED, 400, 301, 302]},
    "a web page": InvalidResponse("m", code="tmx.html"),
    "wrong JSON": InvalidResponse("m", code="tmx.wrong_json"),
    "an empty or cut body": InvalidResponse("m", code="tmx.cut"),
    "a body that is too large": InvalidResponse("m", code="tmx.too_large"),
    "an unreadable file": InvalidResponse("m", code="gbx.truncated"),
    "no answer in time": timeout(),
}


def test_a_429_makes_all_workers_pause_for_as_long_as_the_site_asked(breaker: CircuitBreaker, pauses: Pauses) -> None:
    assert isinstance(fail(breaker, status(429, "7")), Throttled)
    assert pauses == [(7.0, "the site asked us to slow down")]


def test_403_several_times_in_a_row_stops_the_run(breaker: CircuitBreaker) -> None:
    for _ in range(MAX_FORBIDDEN - 1):
        assert fail(breaker, status(403)).code == "tmx.forbidden"
    breaker.check()
    stopped = fail(breaker, status(403))
    assert isinstance(stopped, SiteRefused)
    assert "http://site" in str(stopped)
    with pytest.raises(SiteRefused):
        breaker.check()  # other threads send no more requests


def test_403_now_and_then_does_not_stop_the_run(breaker: CircuitBreaker) -> None:
    for _ in range(3 * MAX_FORBIDDEN):
        assert fail(breaker, status(403)).code == "tmx.forbidden"
        succeed(breaker)
    for _ in range(3 * MAX_FORBIDDEN):
        assert fail(breaker, status(403)).code == "tmx.forbidden"
        assert fail(breaker, status(404)).code == "tmx.gone"


def test_404_for_everything_is_an_outage_that_is_believed_after_a_while(
    breaker: CircuitBreaker, pauses: Pauses, clock: FakeClock
) -> None:
    at_most = escalate_after("tmx.gone")
    succeed(breaker)
    assert [fail(breaker, status(404)).code for _ in range(at_most - 1)] == ["tmx.gone"] * (at_most - 1)
    began_s, codes = clock.now_s, []
    while clock.now_s - began_s <= MAX_ABSENCE_S:
        codes.append(fail(breaker, status(404)).code)
        clock.now_s += pauses[-1][0]
    assert set(codes) == {"tmx.outage"}
    assert [seconds for seconds, _ in pauses] == [2, 4, 8, 16, 32, 60]
    assert {reason for _, reason in pauses} == {
        "every requested item is missing (404); accepted as deleted after 2 min 00 s"
    }
    assert [fail(breaker, status(404)).code for _ in range(100)] == ["tmx.gone"] * 100


def test_404_for_one_item_or_between_others_is_no_outage(breaker: CircuitBreaker, pauses: Pauses) -> None:
    at_most = escalate_after("tmx.gone")
    for _ in range(2 * at_most):
        assert fail(breaker, status(404), "the same one").code == "tmx.gone"
    for number in range(5 * at_most):
        assert fail(breaker, status(404)).code == "tmx.gone"
        if number % (at_most - 2) == 0:
            succeed(breaker)
    assert pauses == []


def test_a_second_404_begins_no_outage_and_ends_none(breaker: CircuitBreaker, pauses: Pauses) -> None:
    for _ in range(100):
        assert fail(breaker, status(404), before="tmx.gone").code == "tmx.gone"
    for _ in range(escalate_after("tmx.gone")):
        fail(breaker, status(404), before="tmx.timeout")
    assert fail(breaker, status(404), before="tmx.gone").code == "tmx.outage"
    assert len(pauses) == 1


def test_a_site_that_never_answered_stops_the_run_with_one_sentence(breaker: CircuitBreaker, pauses: Pauses) -> None:
    errors = [fail(breaker, lost()) for _ in range(LOST_AT_MOST)]
    assert [error.code for error in errors[:-1]] == ["tmx.connection"] * (LOST_AT_MOST - 1)
    assert isinstance(errors[-1], SiteUnreachable)
    assert "http://site cannot be reached" in str(errors[-1])
    assert "--site" in str(errors[-1])
    assert pauses == []


def test_an_unreachable_site_makes_all_workers_pause_longer_and_longer_without_charging_rows(
    breaker: CircuitBreaker, pauses: Pauses, clock: FakeClock
) -> None:
    succeed(breaker)
    for _ in range(LOST_AT_MOST - 1):
        fail(breaker, lost())
    for _ in range(8):
        for _ in range(64):  # all requests in flight
            error = fail(breaker, lost())
            assert isinstance(error, SiteOutage)
            assert policy_for(error).action is Action.SNOOZE
            assert error.retry_after_s == pauses[-1][0]
        clock.now_s += pauses[-1][0]
    assert [seconds for seconds, _ in pauses] == [2, 4, 8, 16, 32, 60, 60, 60]
    succeed(breaker)
    for _ in range(LOST_AT_MOST):
        fail(breaker, lost())
    assert pauses[-1][0] == 2


@pytest.mark.parametrize("what", ["connection", "5xx", "404"])
def test_other_threads_do_not_wait_while_a_pause_is_written_to_the_database(what: str) -> None:
    finished: list[bool] = []

    def pause(seconds: float, reason: str) -> None:
        other = threading.Thread(target=succeed, args=(breaker,), daemon=True)
        other.start()
        other.join(20)
        finished.append(not other.is_alive())

    breaker = CircuitBreaker("http://site", pause)
    succeed(breaker)
    errors = {"connection": lost(), "5xx": status(502), "404": status(404)}
    while not finished:
        fail(breaker, errors[what])
    assert finished == [True]


def test_an_outage_that_lasts_stops_the_run(breaker: CircuitBreaker, monkeypatch: pytest.MonkeyPatch) -> None:
    succeed(breaker)
    monkeypatch.setattr(circuit_breaker_module, "MAX_OUTAGE_S", -1.0)
    errors = [fail(breaker, lost()) for _ in range(LOST_AT_MOST)]
    assert isinstance(errors[-1], SiteUnreachable)


def test_a_site_that_answers_only_5xx_is_an_outage(breaker: CircuitBreaker, pauses: Pauses, clock: FakeClock) -> None:
    for _ in range(FAILING_AT_MOST - 1):
        assert fail(breaker, status(502), "replay 7").code == "tmx.unavailable"
        fail(breaker, timeout(), "replay 8")
    for _ in range(4):
        for _ in range(16):
            error = fail(breaker, status(502))
            assert isinstance(error, SiteOutage)
            assert "502" in str(error)
        clock.now_s += pauses[-1][0]
    assert [seconds for seconds, _ in pauses] == [2, 4, 8, 16]
    clock.now_s += MAX_OUTAGE_S
    stopped = fail(breaker, status(502))
    assert isinstance(stopped, SiteUnreachable)
    assert "given no valid response for 15 min 30 s: replay 5: server error (502). Run the same" in str(stopped)


@pytest.mark.parametrize("what", WRONG)
def test_the_same_wrong_answer_to_every_row_is_an_outage_that_charges_no_more_rows(
    breaker: CircuitBreaker, pauses: Pauses, clock: FakeClock, what: str
) -> None:
    error = WRONG[what]
    succeed(breaker)
    for _ in range((policy_for(error).escalate_after or 0) - 1):
        assert fail(breaker, error) is error
    assert pauses == []
    for _ in range(40):
        verdict = fail(breaker, error)
        assert isinstance(verdict, SiteOutage)
        assert policy_for(verdict).action is Action.SNOOZE
    assert pauses == [(2, "no request gets a valid response")]
    clock.now_s += MAX_OUTAGE_S + 1
    assert isinstance(fail(breaker, error), SiteUnreachable)


def test_different_wrong_answers_make_one_outage(breaker: CircuitBreaker) -> None:
    codes = [fail(breaker, error).code for error in [*WRONG.values()] * 3]
    assert codes[-1] == "tmx.outage"


@pytest.mark.parametrize("what", WRONG)
def test_one_row_with_a_wrong_answer_fails_alone(breaker: CircuitBreaker, pauses: Pauses, what: str) -> None:
    error = WRONG[what]
    for _ in range(5 * WRONG_AT_MOST):
        assert fail(breaker, error, "replay 7") is error
    assert pauses == []


@pytest.mark.parametrize("what", WRONG)
def test_one_right_answer_in_between_shows_that_the_site_works(
    breaker: CircuitBreaker, pauses: Pauses, what: str
) -> None:
    error = WRONG[what]
    for _ in range(5):
        for _ in range(WRONG_AT_MOST - 1):
            assert fail(breaker, error) is error
        succeed(breaker)
    assert pauses == []


def test_an_outage_ends_with_the_first_right_answer(breaker: CircuitBreaker, pauses: Pauses) -> None:
    error = WRONG["a web page"]
    for _ in range(WRONG_AT_MOST):
        fail(breaker, error)
    succeed(breaker)
    assert fail(breaker, error) is error
    assert len(pauses) == 1


@pytest.mark.parametrize("answer", ["right", "404", "403"])
def test_one_other_answer_among_5xx_shows_that_the_site_works(
    breaker: CircuitBreaker, pauses: Pauses, answer: str
) -> None:
    for _ in range(3 * FAILING_AT_MOST):
        assert fail(breaker, status(500)).code == "tmx.unavailable"
        if answer == "right":
            succeed(breaker)
        else:
            fail(breaker, status(int(answer)), "the same one")
    assert pauses == []


def test_an_outage_after_a_long_idle_time_does_not_count_as_one_that_lasts(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    succeed(breaker)
    clock.now_s += 10 * MAX_OUTAGE_S
    assert [fail(breaker, lost()).code for _ in range(LOST_AT_MOST)][-1] == "tmx.outage"


def test_one_answer_of_any_kind_ends_an_unreachable_site(breaker: CircuitBreaker) -> None:
    succeed(breaker)
    for _ in range(LOST_AT_MOST + 2):
        fail(breaker, lost())
    fail(breaker, status(500))
    assert fail(breaker, lost()).code == "tmx.connection"
    assert breaker.has_answered


def test_a_timeout_does_not_show_that_the_site_exists(breaker: CircuitBreaker) -> None:
    for _ in range(3 * LOST_AT_MOST):
        assert fail(breaker, timeout()).code == "tmx.timeout"
    assert not breaker.has_answered


def test_errors_that_are_not_about_the_site_are_not_counted(breaker: CircuitBreaker, pauses: Pauses) -> None:
    for error in (DiskError("m"), RetryLater("m", code="disk.swept"), KeyError()):
        for _ in range(3 * FAILING_AT_MOST):
            with pytest.raises(type(error)), breaker.recording("replay 5"):
                raise error
    assert pauses == []
    assert not breaker.has_answered


def test_a_failure_keeps_nothing_of_the_answer_in_memory(breaker: CircuitBreaker) -> None:
    class Answer:
        pass

    def request() -> weakref.ref[Answer]:
        answer = Answer()
        kept = weakref.ref(answer)
        try:
            with breaker.recording("replay 5"):
                body = answer
                raise InvalidResponse(f"{len(str(body))}", code="tmx.html")
        except InvalidResponse:
            return kept

    gc.disable()
    try:
        assert request()() is None
    finally:
        gc.enable()
