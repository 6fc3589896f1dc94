"""The simulated catalogue: pure functions of a seed."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.catalogue.dates import date_text, parse_date
from tmxdb_sandbox.catalogue.track import SimulatedTrack
from tmxdb_sandbox.settings import Settings

_FINGERPRINT = """
import hashlib
from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.settings import Settings
catalogue = Catalogue(Settings(tracks=40, seed=7))
tracks = [catalogue.track_at(index) for index in range(40)]
facts = [(t.name, t.uid, t.awards, t.author_ms, t.versions_ms, t.activity_ms) for t in tracks]
replays = [replay for index in range(40) for replay in catalogue.leaderboard(index)]
runs = [(r.replay_id, r.driver, r.race_time_ms, r.position) for r in replays]
print(hashlib.sha256(repr((facts, runs)).encode()).hexdigest())
"""
# Equal for all processes, systems and Python versions. A change invalidates every database made against a sandbox.
_EXPECTED = "0cf1f5842435b3443e7767dffc7302e33f55fd391c467684dff5954e5b918a22"


def catalogue_of(**changes: object) -> Catalogue:
    return Catalogue(Settings(**{"tracks": 2000, **changes}))


def tracks(catalogue: Catalogue) -> list[SimulatedTrack]:
    return [catalogue.track_at(index) for index in range(catalogue.size)]


def test_the_same_seed_gives_the_same_catalogue_in_another_process() -> None:
    prints = set()
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        run = subprocess.run([sys.executable, "-c", _FINGERPRINT], capture_output=True, text=True, env=environment)
        prints.add(run.stdout.strip() or run.stderr)
    assert prints == {_EXPECTED}


def test_another_seed_gives_another_catalogue() -> None:
    assert [t.name for t in tracks(catalogue_of(seed=1))] != [t.name for t in tracks(catalogue_of(seed=2))]


def test_track_ids_ascend_with_the_upload_date_and_map_back_to_indexes() -> None:
    catalogue = catalogue_of()
    for earlier, later in pairwise(tracks(catalogue)):
        assert earlier.track_id < later.track_id
        assert earlier.uploaded_ms < later.uploaded_ms
        assert catalogue.index_of(earlier.track_id) == earlier.index
        assert catalogue.index_of(earlier.track_id + 1) in (None, later.index)


def test_uids_look_real_are_unique_and_map_back_to_indexes() -> None:
    catalogue = catalogue_of()
    uids = [track.uid for track in tracks(catalogue)]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) == 27 and uid.isalnum() for uid in uids)
    assert [catalogue.tracks_with_uid(uid)[0].index for uid in uids[:100]] == list(range(100))
    assert catalogue.tracks_with_uid("no uid") == catalogue.tracks_with_uid("") == []


def test_replay_ids_are_unique_and_map_back_to_replays() -> None:
    catalogue = catalogue_of(tracks=300)
    replays = [replay for index in range(300) for replay in catalogue.leaderboard(index)]
    assert len({replay.replay_id for replay in replays}) == len(replays)
    assert all(catalogue.replay(replay.replay_id).n == replay.n for replay in replays)
    assert catalogue.replay(0) is None
    assert catalogue.replay(10**12) is None


def test_popularity_and_replays_are_skewed() -> None:
    catalogue = catalogue_of()
    counts = sorted(track.replay_count for track in tracks(catalogue))
    awards = sorted(track.awards for track in tracks(catalogue))
    assert counts[0] == 0
    assert counts[1000] < 10 < 100 < counts[-1]
    assert 5 <= sum(counts) / len(counts) <= 20
    assert awards[1000] <= 2 < 20 < awards[-1]


def test_the_catalogue_contains_every_irregularity() -> None:
    catalogue = catalogue_of()
    replays = [replay for index in range(500) for replay in catalogue.leaderboard(index)]
    assert any("../" in track.name for track in tracks(catalogue))
    assert any("\x1b" in track.name for track in tracks(catalogue))
    assert any(track.unlimiter_version for track in tracks(catalogue))
    assert any(track.author_comments is None for track in tracks(catalogue))
    assert any(len(track.versions_ms) > 1 for track in tracks(catalogue))
    assert any(replay.removed for replay in replays)
    assert any(not replay.validated for replay in replays)
    assert any(replay.validated and replay.position is None and replay.version == 0 for replay in replays)
    assert any(replay.position is not None and replay.points is None for replay in replays)
    assert any(replay.respawns for replay in replays)
    assert any(replay.stunt_score for replay in replays)


def test_a_plain_catalogue_has_no_irregularities() -> None:
    catalogue = catalogue_of(plain=True, tracks=300, replays=4)
    for index in range(300):
        leaderboard = catalogue.leaderboard(index)
        assert [replay.position for replay in leaderboard] == [0, 1, 2, 3]
        assert len({replay.driver.user_id for replay in leaderboard}) == 4
        assert catalogue.track_at(index).name.isprintable()


def test_a_catalogue_of_a_million_tracks_opens_immediately() -> None:
    catalogue = catalogue_of(tracks=1_000_000)
    last = catalogue.track_at(999_999)
    assert catalogue.index_of(last.track_id) == 999_999
    assert catalogue.tracks_with_uid(last.uid)[0].index == 999_999
    assert all(replay.replay_id < 2**31 for replay in catalogue.leaderboard(999_999))


def test_dates_have_no_zone_and_no_trailing_zeros() -> None:
    assert date_text(parse_date("2024-08-03T17:04:02.12")) == "2024-08-03T17:04:02.12"
    assert date_text(parse_date("2009-02-20T16:57:38Z")) == "2009-02-20T16:57:38"
    written = {len(date_text(track.uploaded_ms).partition(".")[2]) for track in tracks(catalogue_of())}
    assert written == {0, 1, 2, 3}
