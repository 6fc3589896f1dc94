"""The estimate of the time left in a simulated run: every request takes the same time, as in the sandbox."""

from __future__ import annotations

import pytest

from tmxdb.queue.loop.throughput import Throughput
from tmxdb.reports.status.estimates import SampledTrack, replays_per_open_track, replays_to_come, seconds_left
from tmxdb.reports.status.state import KINDS, STATUSES

HEARTBEAT_S = 5.0


def errors(tracks: int, replays: int, rate: float, listings_of_ten: int) -> list[tuple[float, float]]:
    """Run to the end; return (part of the run, error of the estimate) at each heartbeat.

    `replays`: of each track. `rate`: requests a second. `listings_of_ten`: how many of ten requests list a track, until
    all are listed.
    """
    now = [0.0]
    throughput = Throughput(lambda: now[0])
    counts = {kind: dict.fromkeys(STATUSES, 0) for kind in KINDS}
    listing, download = counts["list"], counts["download"]
    listing["pending"], requests, next_beat_s = tracks, 0, 0.0
    estimates: list[tuple[float, float]] = []
    while listing["pending"] or download["pending"]:
        now[0] += 1 / rate
        if listing["pending"] and (requests % 10 < listings_of_ten or not download["pending"]):
            listing["pending"] -= 1
            listing["done"] += 1
            download["pending"] += replays
            throughput.count("list")
        else:
            download["pending"] -= 1
            download["done"] += 1
            throughput.count("download")
        requests += 1
        if now[0] >= next_beat_s:
            next_beat_s += HEARTBEAT_S
            sample = [SampledTrack(True, replays, True)] * listing["done"]
            sample += [SampledTrack(False, 0, True)] * listing["pending"]
            to_come = replays_to_come(counts, replays_per_open_track(sample))
            left = seconds_left(counts, throughput.per_second(), to_come).get("download")
            if left is not None:
                estimates.append((now[0], left))
    end_s = now[0]
    return [(at / end_s, left / (end_s - at) - 1) for at, left in estimates if end_s - at > HEARTBEAT_S]


@pytest.mark.parametrize("rate", [4.0, 50.0])
@pytest.mark.parametrize("listings_of_ten", [10, 4, 1])
@pytest.mark.parametrize(("tracks", "replays"), [(100, 12), (1000, 5), (60, 50)])
def test_the_time_left_of_a_steady_run_is_right_within_a_fifth_from_a_tenth_of_it_on(
    tracks: int, replays: int, rate: float, listings_of_ten: int
) -> None:
    later = [error for part, error in errors(tracks, replays, rate, listings_of_ten) if part >= 0.1]
    assert later
    assert max(map(abs, later)) < 0.2
