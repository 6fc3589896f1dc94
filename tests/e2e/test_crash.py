"""Four processes work on a failing site, one is killed about once per second, until nothing is left to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.judging import Judge
from tests.crash.killing import Killing, Plan
from tmxdb_sandbox import running_site

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]


def test_kills_at_random_moments_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """A short run of `bench/crash.py`, which also runs on PostgreSQL; tests/queue covers claims on both engines."""
    location, plan = str(tmp_path / "tmx.db"), Plan(kills=7, rate=40)
    with running_site(tracks=30, replays=5, latency_ms=100) as site:
        story = Killing(tmp_path, location, site, plan)()
        judge = Judge(story, location, site)
        assert judge.complaints() == []
    numbers = judge.numbers()
    assert numbers["kills"] >= 4  # else it was no test
    assert numbers["spoiled by faults"] > 5
    assert numbers["refused in storms"] > 0
