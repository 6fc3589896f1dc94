"""Waiting for the result of a request that runs in the background."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from tmxdb.sync.retrying_client import in_background, result_of


class EndsWithTheWait(Future[int]):
    """A call that ends just after a wait for it has timed out."""

    def result(self, timeout: float | None = None) -> int:
        try:
            return super().result(timeout)
        except TimeoutError:
            self.set_result(5)
            raise


def test_a_call_that_ends_just_after_a_wait_for_it_has_timed_out_gives_its_result() -> None:
    assert result_of(EndsWithTheWait(), threading.Event()) == 5


def test_a_timeout_of_the_call_itself_is_raised() -> None:
    def call() -> int:
        raise TimeoutError("of the call")

    with pytest.raises(TimeoutError, match="of the call"):
        result_of(in_background(call), threading.Event())
