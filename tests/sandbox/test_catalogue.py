"""The made-up exchange by itself: pure functions of a seed."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

from tmxdb.sandbox.catalogue.catalogue import Catalogue
from tmxdb.sandbox.catalogue.dates import date_text, parse_date
from tmxdb.sandbox.catalogue.track import Track
from tmxdb.sandbox.settings import Settings

_FINGERPRINT = """
import hashlib
from tmxdb.sandbox.catalogue.catalogue import Catalogue
from tmxdb.sandbox.settings import Settings
world = Catalogue(Settings(tracks=40, seed=7))
facts = [(t.name, t.uid, t.awards, t.author_ms, t.versions_ms, t.activity_ms) for t in map(world.at, range(40))]
runs = [(r.replay_id, r.driver, r.race_time_ms, r.position) for index in range(40) for r in world.board(index)]
print(hashlib.sha256(repr((facts, runs)).encode()).hexdigest())
"""
# Of any process, system and Python: a change here changes every database that a demo or a test has kept.
_EXPECTED = "0cf1f5842435b3443e7767dffc7302e33f55fd391c467684dff5954e5b918a22"


def world(**changes: object) -> Catalogue:
    return Catalogue(Settings(**{"tracks": 2000, **changes}))


def tracks(catalogue: Catalogue) -> list[Track]:
    return [catalogue.at(index) for index in range(catalogue.size)]


def test_the_same_seed_is_the_same_catalogue_in_another_process() -> None:
    prints = set()
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        run = subprocess.run([sys.executable, "-c", _FINGERPRINT], capture_output=True, text=True, env=environment)
        prints.add(run.stdout.strip() or run.stderr)
    assert prints == {_EXPECTED}


def test_another_seed_is_another_catalogue() -> None:
    assert [t.name for t in tracks(world(seed=1))] != [t.name for t in tracks(world(seed=2))]


def test_track_ids_ascend_with_the_uploads_and_lead_back() -> None:
    catalogue = world()
    for earlier, later in pairwise(tracks(catalogue)):
        assert earlier.track_id < later.track_id
        assert earlier.uploaded_ms < later.uploaded_ms
        assert catalogue.index_of(earlier.track_id) == earlier.index
        assert catalogue.index_of(earlier.track_id + 1) in (None, later.index)


def test_uids_look_real_differ_and_lead_back() -> None:
    catalogue = world()
    uids = [track.uid for track in tracks(catalogue)]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) == 27 and uid.isalnum() for uid in uids)
    assert [catalogue.with_uid(uid)[0].index for uid in uids[:100]] == list(range(100))
    assert catalogue.with_uid("no uid") == catalogue.with_uid("") == []


def test_replay_ids_are_unique_and_lead_back() -> None:
    catalogue = world(tracks=300)
    replays = [replay for index in range(300) for replay in catalogue.board(index)]
    assert len({replay.replay_id for replay in replays}) == len(replays)
    assert all(catalogue.replay(replay.replay_id).n == replay.n for replay in replays)
    assert catalogue.replay(0) is None
    assert catalogue.replay(10**12) is None


def test_popularity_and_replays_are_skewed() -> None:
    catalogue = world()
    counts = sorted(track.replay_count for track in tracks(catalogue))
    awards = sorted(track.awards for track in tracks(catalogue))
    assert counts[0] == 0
    assert counts[1000] < 10 < 100 < counts[-1]
    assert 5 <= sum(counts) / len(counts) <= 20
    assert awards[1000] <= 2 < 20 < awards[-1]


def test_everything_odd_is_there() -> None:
    catalogue = world()
    replays = [replay for index in range(500) for replay in catalogue.board(index)]
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


def test_a_plain_catalogue_has_nothing_odd() -> None:
    catalogue = world(plain=True, tracks=300, replays=4)
    for index in range(300):
        board = catalogue.board(index)
        assert [replay.position for replay in board] == [0, 1, 2, 3]
        assert len({replay.driver.user_id for replay in board}) == 4
        assert catalogue.at(index).name.isprintable()


def test_a_million_tracks_open_at_once() -> None:
    catalogue = world(tracks=1_000_000)
    last = catalogue.at(999_999)
    assert catalogue.index_of(last.track_id) == 999_999
    assert catalogue.with_uid(last.uid)[0].index == 999_999
    assert all(replay.replay_id < 2**31 for replay in catalogue.board(999_999))


def test_dates_have_no_zone_and_no_trailing_zeros() -> None:
    assert date_text(parse_date("2024-08-03T17:04:02.12")) == "2024-08-03T17:04:02.12"
    assert date_text(parse_date("2009-02-20T16:57:38Z")) == "2009-02-20T16:57:38"
    written = {len(date_text(track.uploaded_ms).partition(".")[2]) for track in tracks(world())}
    assert written == {0, 1, 2, 3}
