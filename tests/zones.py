"""A test in the zone of Berlin, as the zone of this computer, where clocks change on 29 March and 25 October 2026."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

needs_time_zones = pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no TZ variable of POSIX")


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()
