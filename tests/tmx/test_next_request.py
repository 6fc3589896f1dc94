"""When the next request of a thread that does not wait may be sent, and how each one that was sent ends."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

from tests.tmx.conftest import OpenRateLimiter
from tmxdb.errors import InvalidResponse, ItemGone, SiteError, SiteOutage, TmxdbError
from tmxdb.failure_policy import escalate_after
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.next_request import NextRequest

URL = "http://127.0.0.1:1"


@pytest.fixture
def exchange(connect: Callable[..., Exchange]) -> Exchange:
    return connect(URL, max_concurrent=2)


def test_a_request_may_be_sent_when_there_is_a_slot_and_its_turn_has_come(
    exchange: Exchange, rate_limiter: OpenRateLimiter
) -> None:
    request = NextRequest(exchange)
    assert request.wait_s(1) == 0
    first = request.send("replay 1")
    assert request.wait_s(1) == 0
    second = request.send("replay 2")
    turns = rate_limiter.turns
    assert request.wait_s(1) > 0
    assert rate_limiter.turns == turns  # a turn is taken only by a request that has a slot
    first.end(None)
    assert request.wait_s(1) == 0
    second.end(None)
    request.cancel()


def test_a_request_that_was_not_asked_for_is_a_bug(exchange: Exchange) -> None:
    with pytest.raises(RuntimeError):
        NextRequest(exchange).send("replay 1")


def test_a_request_that_is_not_sent_keeps_no_slot(exchange: Exchange, rate_limiter: OpenRateLimiter) -> None:
    def stop() -> None:
        raise ItemGone("as if the worker stopped")

    requests = [NextRequest(exchange) for _ in range(2)]
    assert [request.wait_s(1) for request in requests] == [0, 0]
    requests[0].cancel()
    rate_limiter.check_stop = stop  # type: ignore[method-assign]
    with pytest.raises(ItemGone):
        requests[1].wait_s(1)
    with exchange.concurrency.slot(stop), exchange.concurrency.slot(stop):
        pass


def test_an_answer_that_is_still_to_be_checked_ends_no_series_of_wrong_ones(exchange: Exchange) -> None:
    codes = set()
    for number in range(100):
        item = f"replay {number}"
        assert sent(exchange, item).end(None) is None
        with pytest.raises(TmxdbError) as caught, exchange.breaker.recording(item):
            raise InvalidResponse("m", code="tmx.html")
        codes.add(caught.value.code)
    assert "tmx.outage" in codes


def test_a_failure_during_an_outage_becomes_an_outage(exchange: Exchange) -> None:
    for number in range(int(escalate_after("tmx.unavailable") or 0)):
        failure = SiteError("m")
        error = sent(exchange, f"replay {number}").end(failure)
    assert isinstance(error, SiteOutage)
    assert error.__cause__ is failure


def test_a_failure_halves_the_limit_and_anything_else_does_not(connect: Callable[..., Exchange]) -> None:
    exchange = connect(URL, max_concurrent=8)
    for error, limit in ((None, 8), (RuntimeError("given up"), 8), (ItemGone("m"), 8), (SiteError("m"), 4)):
        requests = [sent(exchange, f"replay {number}") for number in range(8)]
        requests[0].end(error)
        assert exchange.concurrency.limit == limit
        for request in requests[1:]:
            request.end(RuntimeError("given up"))


def test_an_error_is_freed_without_a_garbage_collection(exchange: Exchange) -> None:
    gc.disable()
    try:
        failure = SiteError("m")
        error = weakref.ref(failure)
        assert sent(exchange, "replay 1").end(failure) is failure
        del failure
        assert error() is None
    finally:
        gc.enable()


def sent(exchange: Exchange, item: str):  # type: ignore[no-untyped-def]
    """Return an open request for `item`."""
    request = NextRequest(exchange)
    assert request.wait_s(1) == 0
    return request.send(item)
