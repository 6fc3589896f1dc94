"""Three processes share one rate limit and one pause, as the site's log shows."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rows import Rows
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite, running_site

PROCESSES, N, RATE = 3, 3, 20
FILES = 180
RETRY_AFTER_S = 3.0
ON_ITS_WAY_S = 1.5
"""How long after a 429 was sent a request may still arrive. It was in flight: the response must be received, the pause
written, and read by the other processes, which they do ten times per second. Much longer than that takes, because the
machine may be busy."""


LATE_S = 0.5
"""How late a request may arrive after its turn, because its thread waited for a processor: the next ones then come
closer together. `tests/queue/sharing/test_rate_limiter.py` checks the turns themselves."""


def most_in_a_second(moments: list[float]) -> int:
    """Return the largest number of requests within any second."""
    return max(bisect_left(moments, first + 1.0) - i for i, first in enumerate(moments))


def inside_a_pause(log: list[dict[str, Any]]) -> list[str]:
    """Return the requests during a pause that the site asked for, each with its time after the 429."""
    asked = [line["time"] for line in log if line["status"] == 429]
    return [
        f"{line['path']} {line['time'] - asked_at:.2f} s after a 429 with Retry-After: {RETRY_AFTER_S:g}"
        for asked_at in asked
        for line in log
        if asked_at + ON_ITS_WAY_S < line["time"] < asked_at + RETRY_AFTER_S
    ]


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=15, plain=True) as site:
        yield site


@pytest.mark.slow
def test_three_processes_keep_one_rate_and_one_pause_over_few_connections(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list", "--top", 15)
    rows = Rows(Database(str(tool.folder / "tmx.db")))
    assert len(rows.statuses()) == FILES
    site.clear_log()
    site.set_faults([f"429:3%:times=1:{header}={RETRY_AFTER_S:g}" for header in ("retry-after", "retry-date")])
    command = ("work", "--kind", "download", "--n", N, "--rate", RATE)
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(tool.started(*command)) for _ in range(PROCESSES)]
        for process in processes:
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err

    log, stats = site.log(), site.stats()
    assert rows.sql("SELECT DISTINCT status, attempts FROM replays") == [("done", 1)]
    rows.database.close()
    refused = sum(line["status"] == 429 for line in log)
    assert refused == 2
    assert len(log) == FILES + refused  # nothing was asked for twice without need
    moments = [line["time"] for line in log]
    assert most_in_a_second(moments) <= RATE * (1 + LATE_S) + 1  # two processes with a rate of their own send 40
    assert moments[-1] - moments[0] >= (len(moments) - 1) / RATE - LATE_S
    assert inside_a_pause(log) == []
    assert stats["max_connections"] <= PROCESSES * N
    assert stats["requests"] / stats["connections"] > 180 / (PROCESSES * N) - 1
