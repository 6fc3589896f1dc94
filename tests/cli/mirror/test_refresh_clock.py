"""`refresh` takes the age of listings from the clock that wrote their times: the server's on PostgreSQL."""

from __future__ import annotations

import time

import pytest

from tests.rows import Rows
from tests.tool import Tool
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database

_DAY_MS = 86_400_000


@pytest.mark.parametrize("wrong_by_days", [-3, 3])
def test_a_wrong_clock_of_this_machine_changes_nothing(
    postgresql: Database, tool: Tool, monkeypatch: pytest.MonkeyPatch, wrong_by_days: int
) -> None:
    rows, now_ms, real = Rows(postgresql), wall_clock(), time.time_ns
    rows.track(5, "done", listed_at=iso(now_ms - 2 * _DAY_MS))
    rows.track(6, "done", listed_at=iso(now_ms - 60_000))
    monkeypatch.setattr(time, "time_ns", lambda: real() + wrong_by_days * _DAY_MS * 1_000_000)
    ran = tool("--db", postgresql.location, "refresh", "--older-than", "1d", "--dry-run")
    assert ran.err.splitlines()[-1].startswith("1 leaderboard not listed for a while, 0 pending already;")
