"""Four processes, one killed every second or so, a site that fails in all the usual ways: until nothing is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tmxdb.sandbox import running_site

from ..crash.judging import Judge
from ..crash.killing import Killing, Plan

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]


def test_kills_at_random_moments_lose_nothing_and_do_nothing_twice(nowhere: str, tmp_path: Path) -> None:
    """The same as `bench/crash.py`, which goes on for longer."""
    plan = Plan(kills=7, rate=40)
    with running_site(tracks=30, replays=5, latency_ms=100) as site:
        story = Killing(tmp_path, nowhere, site, plan)()
        judge = Judge(story, nowhere, site)
        assert judge.complaints() == []
    numbers = judge.numbers()
    assert numbers["kills"] >= 4  # else it was no test
    assert numbers["spoiled by faults"] > 5
    assert numbers["refused in storms"] > 0
