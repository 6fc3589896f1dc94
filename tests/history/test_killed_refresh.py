"""`tmxdb refresh` that is killed: nothing is lost, nothing is listed again without need, and the budget is kept."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter

import pytest

from tests.history.test_history import listings, mirrored
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite

__all__ = ["mirrored"]
pytestmark = [
    pytest.mark.usefixtures("changing"),
    pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL"),
]
BUDGET = 4


def test_a_leaderboard_that_was_in_flight_when_refresh_was_killed_is_listed_by_the_next(
    mirrored: Tool, site: RunningSite
) -> None:
    track = mirrored.one("select track_id from selection_tracks where rank = 1")
    new = site.add_record(track)
    site.set_faults(["hang:on=replays"])
    with mirrored.started("refresh", "--older-than", "9d") as process:
        until(lambda: listings(site))
        process.kill()
        process.wait()
    assert mirrored.column("select track_id from tracks where status = 'running'") == [track]
    site.set_faults([])
    mirrored("refresh", "--older-than", "9d")
    assert mirrored.column("select distinct status from tracks") == ["done"]
    assert mirrored.one("select position from replays where replay_id = ?", new) == 0
    assert listings(site) == [track, track]


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_lose_no_change_and_keep_the_budget(
    mirrored: Tool, site: RunningSite, seed: int
) -> None:
    rng = random.Random(seed)
    tracks = mirrored.column("select track_id from selection_tracks")
    new = {track: site.add_record(track) for track in rng.sample(tracks, 3)}
    mirrored("config", "set", "rate", "20")
    listed: Counter[int] = Counter()
    in_flight = 0
    for wanted in (rng.randint(0, BUDGET) for _ in range(4)):
        site.clear_log()
        options = ("--older-than", "1d", "--max-requests", BUDGET, "--n", 2, "--no-progress")
        with mirrored.started("refresh", *options) as process:
            until(lambda process=process, wanted=wanted: process.poll() is not None or requests(site) >= wanted)
            process.kill()
            in_flight += 2 * (process.wait() == -signal.SIGKILL)
        assert requests(site) <= BUDGET
        listed.update(listings(site))
    mirrored("config", "set", "rate", "0")
    said = ""
    while "No leaderboard is due." not in said:
        site.clear_log()
        said = mirrored("refresh", "--older-than", "1d", "--max-requests", BUDGET).err
        assert requests(site) <= BUDGET
        listed.update(listings(site))
    for track, replay in new.items():
        assert mirrored.one("select replay_id from records where track_id = ?", track) == replay
    assert mirrored.column("select distinct status from tracks") == ["done"]
    assert set(listed) == set(tracks)
    assert listed.total() <= len(tracks) + in_flight


def requests(site: RunningSite) -> int:
    count: int = site.stats()["requests"]
    return count
