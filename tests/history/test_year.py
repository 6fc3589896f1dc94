"""A few days of `bench year`: every change is found within the budget, and nothing outside the selection is opened."""

from __future__ import annotations

import pytest

from bench.year import AGE_DAYS, simulate


@pytest.mark.slow
@pytest.mark.parametrize("still", [False, True], ids=["moves", "stays"])
def test_every_change_is_found_within_its_budget(still: bool) -> None:
    year = simulate(days=5, tracks=30, chosen=4, budget=4, still=still, seed=3)
    assert year.changes > 3
    assert year.missed == []
    assert max(max(delays) for delays in year.delays.values()) <= AGE_DAYS + 2
    assert max(year.requests) <= 4
    assert (year.outside, year.tracks) == ([], 4)
