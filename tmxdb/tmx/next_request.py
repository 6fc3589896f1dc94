"""The next request of a thread that has others in flight: it asks when it may be sent, instead of waiting for that.

`Exchange.request` does the same for a thread that has nothing else to do.
"""

from __future__ import annotations

from tmxdb.tmx.client import Exchange, RequestTurn
from tmxdb.tmx.concurrency import RequestedSlot, SentRequest

SLOT_S = 0.02
"""In how many seconds to ask again for a slot, which another thread of this process has."""


class NextRequest:
    """A slot of the concurrency limit and a turn of the rate, asked for one after the other."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._slot: RequestedSlot | None = None
        self._turn: RequestTurn | None = None

    def wait_s(self, wanted: int) -> float:
        """Return in how many seconds to ask again; 0 if the request may be sent now. `wanted`: how many could be sent.

        Raise what stopped the run or the worker.
        """
        try:
            self._exchange.rate_limiter.check_stop()
            self._exchange.breaker.check()
            if self._slot is None:
                self._slot = self._exchange.concurrency.request_slot()
            if not self._slot.is_granted:
                return SLOT_S
            if self._turn is None:
                self._turn = self._exchange.rate_limiter.turn()
            return self._turn.wait_s(wanted)
        except BaseException:
            self.cancel()
            raise

    def send(self, item: str, *, before: str | None = None) -> OpenRequest:
        """Count the request for `item` as sent. Call it when `wait_s` has returned 0.

        `before`: the error code of the last attempt for `item`.
        """
        slot, self._slot, self._turn = self._slot, None, None
        if slot is None or not slot.is_granted:
            raise RuntimeError("a request that may not be sent yet")
        return OpenRequest(self._exchange, item, slot, before)

    def cancel(self) -> None:
        """Give the slot back, if the request will not be sent."""
        slot, self._slot, self._turn = self._slot, None, None
        if slot is not None:
            slot.give_back()


class OpenRequest:
    """A request in flight."""

    def __init__(self, exchange: Exchange, item: str, slot: RequestedSlot, before: str | None) -> None:
        self.item, self._before = item, before
        self._exchange, self._slot = exchange, slot
        self._sent: SentRequest = exchange.concurrency.begin()

    def end(self, error: BaseException | None) -> BaseException | None:
        """Record how the request ended. Return the error to raise: during an outage SiteOutage instead of `error`.

        A good answer is not recorded. Check it in `breaker.recording(item)`.
        """
        self._exchange.concurrency.end(self._sent, error)
        self._slot.give_back()
        if error is None:
            return None
        verdict = self._exchange.breaker.judged(error, self.item, before=self._before)
        if verdict is not error:
            verdict.__cause__ = error
        return verdict
