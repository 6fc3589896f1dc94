"""Which capture goes where: by map, whole, and the same each time."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.errors import WrongUsage
from tmxdb.export.plan import Captured, Shard, Wish, as_json, from_json, plan
from tmxdb.export.split import parse_split, split_of

SHARES = {"train": 0.8, "val": 0.2}
WISH = Wish("webdataset", SHARES, seed=0, shard_frames=100, captures="all")


def captured(capture_id: int, *, track_id: int = 1, uid: str | None = None, frames: int = 30) -> Captured:
    return Captured(capture_id, 10 * capture_id, track_id, uid, f"frames/{track_id}/{capture_id}", frames)


runs = st.lists(
    st.builds(
        captured,
        st.integers(1, 10**6),
        track_id=st.integers(1, 12),
        uid=st.sampled_from([None, "a", "b", "c"]),
        frames=st.integers(1, 250),
    ),
    unique_by=lambda run: run.capture_id,
    max_size=60,
)


@given(runs, st.integers(0, 5))
def test_every_run_is_in_one_shard_whole_and_every_map_in_one_part(captures: list[Captured], seed: int) -> None:
    shards = plan(Wish("parquet", SHARES, seed, 100, "all"), captures)
    assert sorted(run.capture_id for shard in shards for run in shard.captures) == sorted(
        c.capture_id for c in captures
    )
    assert all(shard.frames <= 100 or len(shard.captures) == 1 for shard in shards)
    assert len({shard.file for shard in shards}) == len(shards)
    parts: dict[object, set[str]] = {}
    for shard in shards:
        for run in shard.captures:
            parts.setdefault(run.map_uid or run.track_id, set()).add(shard.split)
    assert all(len(names) == 1 for names in parts.values())


@given(runs)
def test_the_plan_does_not_depend_on_the_order_of_the_rows(captures: list[Captured]) -> None:
    assert plan(WISH, captures) == plan(WISH, captures[::-1])


def test_two_tracks_with_the_same_map_are_on_the_same_side_whatever_the_seed() -> None:
    for seed in range(40):
        assert split_of(SHARES, map_uid="x", track_id=1, seed=seed) == split_of(
            SHARES, map_uid="x", track_id=2, seed=seed
        )


def test_a_track_stays_in_its_part_when_others_are_added() -> None:
    few = {c.track_id: s.split for s in plan(WISH, [captured(i, track_id=i) for i in range(1, 20)]) for c in s.captures}
    many = {
        c.track_id: s.split for s in plan(WISH, [captured(i, track_id=i) for i in range(1, 99)]) for c in s.captures
    }
    assert few.items() <= many.items()


def test_the_parts_are_about_as_large_as_they_should_be() -> None:
    counted = Counter(split_of(SHARES, map_uid=f"map {i}", track_id=i, seed=3) for i in range(5000))
    assert 0.77 < counted["train"] / 5000 < 0.83


def test_the_runs_of_a_shard_are_not_those_of_one_track_after_the_other() -> None:
    captures = [captured(i, track_id=1 + i // 10, uid="same", frames=1) for i in range(1, 100)]
    (shard,) = plan(WISH, captures)
    tracks = [run.track_id for run in shard.captures]
    assert sum(a == b for a, b in itertools.pairwise(tracks)) < 40


@given(runs)
def test_a_plan_that_was_kept_is_the_plan(captures: list[Captured]) -> None:
    shards = plan(WISH, captures)
    assert from_json(json.loads(json.dumps(as_json(WISH, shards)))) == (WISH, shards)


def test_a_shard_knows_how_many_frames_it_will_have() -> None:
    assert Shard("x", "train", (captured(1, frames=3), captured(2, frames=4))).frames == 7


def test_shares_may_be_any_numbers() -> None:
    assert parse_split("train=8, val=1,test=1") == {"train": 0.8, "val": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    "text", ["", "train", "train=", "train=0", "train=-1", "train=nan", "train=inf", "a=1,a=1", "../x=1"]
)
def test_a_split_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage, match="write it like train="):
        parse_split(text)
