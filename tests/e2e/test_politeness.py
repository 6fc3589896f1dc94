"""Three processes and one site that asks for slowness: what they send together, as the site saw it."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rows import Rows
from tmxdb.db.engine import Database
from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool

PROCESSES, N, RATE = 3, 3, 20
FILES = 360
RETRY_AFTER_S = 2.0
ON_ITS_WAY_S = 0.5
"""How long after a 429 left the site a request may still come in. Those were on their way: the answer has to arrive,
the pause to be written, and the other processes to read it, which they do ten times a second."""


def most_in_a_second(moments: list[float]) -> int:
    """The largest number of requests in any second, wherever it begins."""
    return max(bisect_left(moments, first + 1.0) - i for i, first in enumerate(moments))


def inside_a_pause(log: list[dict[str, Any]]) -> list[str]:
    """Requests that came in while the site had asked for none, each with how long after the 429 that was."""
    asked = [line["time"] for line in log if line["status"] == 429]
    return [
        f"{line['path']} {line['time'] - asked_at:.2f} s after a 429 with Retry-After: {RETRY_AFTER_S:g}"
        for asked_at in asked
        for line in log
        if asked_at + ON_ITS_WAY_S < line["time"] < asked_at + RETRY_AFTER_S
    ]


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=30, plain=True) as site:
        yield site


@pytest.mark.slow
def test_three_processes_keep_one_rate_and_one_pause_over_few_connections(
    tool: Tool, site: RunningSite, nowhere: str
) -> None:
    tool("--db", nowhere, "--site", site.url, "sync-tracks")
    tool("--db", nowhere, "work", "--kind", "list", "--top", 30)
    rows = Rows(Database(nowhere))
    assert len(rows.statuses()) == FILES
    site.forget()
    site.set_faults([f"429:3%:times=2:{header}={RETRY_AFTER_S:g}" for header in ("retry-after", "retry-date")])
    command = ("--db", nowhere, "work", "--kind", "download", "--n", N, "--rate", RATE)
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(tool.started(*command)) for _ in range(PROCESSES)]
        for process in processes:
            _, err = process.communicate(timeout=180)
            assert process.returncode == 0, err

    log, stats = site.log(), site.stats()
    assert rows.sql("SELECT DISTINCT status, attempts FROM replays") == [("done", 1)]
    rows.database.close()
    refused = sum(line["status"] == 429 for line in log)
    assert refused == 4
    assert len(log) == FILES + refused  # nothing was asked for twice without need
    moments = [line["time"] for line in log]
    assert most_in_a_second(moments) <= RATE
    assert inside_a_pause(log) == []
    assert stats["max_connections"] <= PROCESSES * N
    assert stats["requests"] / stats["connections"] > 50
