"""Which run goes into which shard: by map, complete, and the same each time."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tmxdb.errors import UsageError
from tmxdb.export.frames.plan import ExportedRun, ExportOptions, Shard, as_json, from_json, plan
from tmxdb.export.frames.split import parse_split, shuffled_tracks, split_of

SHARES = {"train": 0.8, "val": 0.2}
OPTIONS = ExportOptions("webdataset", SHARES, seed=0, shard_frames=100, captures="all")


def captured(capture_id: int, *, track_id: int = 1, uid: str = "", frames: int = 30) -> ExportedRun:
    return ExportedRun(capture_id, 10 * capture_id, track_id, uid, f"frames/{track_id}/{capture_id}", frames)


runs = st.lists(
    st.builds(
        captured,
        st.integers(1, 10**6),
        track_id=st.integers(1, 12),
        uid=st.sampled_from(["", "a", "b", "c"]),
        frames=st.integers(1, 250),
    ),
    unique_by=lambda run: run.capture_id,
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(runs, st.integers(0, 5))
def test_every_run_is_in_one_shard_and_every_map_in_one_part(captures: list[ExportedRun], seed: int) -> None:
    shards = plan(ExportOptions("parquet", SHARES, seed, 100, "all"), captures)
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


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_the_plan_does_not_depend_on_the_order_of_the_rows(captures: list[ExportedRun]) -> None:
    assert plan(OPTIONS, captures) == plan(OPTIONS, captures[::-1])


def test_two_tracks_with_the_same_map_are_in_the_same_part_for_every_seed() -> None:
    for seed in range(40):
        assert split_of(SHARES, map_uid="x", track_id=1, seed=seed) == split_of(
            SHARES, map_uid="x", track_id=2, seed=seed
        )


def test_a_track_stays_in_its_part_when_others_are_added() -> None:
    few = {
        c.track_id: s.split for s in plan(OPTIONS, [captured(i, track_id=i) for i in range(1, 20)]) for c in s.captures
    }
    many = {
        c.track_id: s.split for s in plan(OPTIONS, [captured(i, track_id=i) for i in range(1, 99)]) for c in s.captures
    }
    assert few.items() <= many.items()


def test_the_parts_have_about_the_requested_sizes() -> None:
    counted = Counter(split_of(SHARES, map_uid=f"map {i}", track_id=i, seed=3) for i in range(5000))
    assert 0.77 < counted["train"] / 5000 < 0.83


def test_the_older_rule_is_that_of_rulka() -> None:
    tracks = range(100, 112)
    chosen = {track for track, part in shuffled_tracks({"train": 0.9, "val": 0.1}, tracks, seed=42).items() if part == "val"}  # fmt: skip  # noqa: E501
    assert chosen == {107}  # what rulka's own function chooses: docs/facts/training.md
    many = shuffled_tracks({"train": 0.7, "val": 0.2, "test": 0.1}, range(1, 101), seed=1)
    assert Counter(many.values()) == {"train": 70, "val": 20, "test": 10}


@pytest.mark.parametrize(("tracks", "parts"), [(0, []), (1, ["train"]), (2, ["train", "val"]), (3, ["train", "val"])])
def test_the_older_rule_keeps_a_track_for_the_first_part(tracks: int, parts: list[str]) -> None:
    assert sorted(set(shuffled_tracks({"train": 0.1, "val": 0.9}, range(tracks), seed=0).values())) == parts


def test_a_plan_by_the_older_rule_divides_tracks_not_maps() -> None:
    options = replace(OPTIONS, split_rule="track-shuffle", seed=42, shares={"train": 0.9, "val": 0.1})
    shards = plan(options, [captured(i, track_id=100 + i % 12, uid="same") for i in range(1, 49)])
    parts = {shard.split: {run.track_id for run in shard.captures} for shard in shards if shard.split == "val"}
    assert parts == {"val": {107}}
    assert sum(len(shard.captures) for shard in shards) == 48


def test_runs_are_shuffled_across_tracks() -> None:
    captures = [captured(i, track_id=1 + i // 10, uid="same", frames=1) for i in range(1, 100)]
    (shard,) = plan(OPTIONS, captures)
    tracks = [run.track_id for run in shard.captures]
    assert sum(a == b for a, b in itertools.pairwise(tracks)) < 40


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_a_plan_survives_a_round_trip_through_json(captures: list[ExportedRun]) -> None:
    shards = plan(OPTIONS, captures)
    assert from_json(json.loads(json.dumps(as_json(OPTIONS, shards)))) == (OPTIONS, shards)


def test_a_shard_counts_its_frames() -> None:
    assert Shard("x", "train", (captured(1, frames=3), captured(2, frames=4))).frames == 7


def test_shares_add_up_to_1_or_are_whole_numbers() -> None:
    assert parse_split("train=8, val=1,test=1") == {"train": 0.8, "val": 0.1, "test": 0.1}
    assert parse_split("all=1") == {"all": 1.0}
    assert parse_split("a=0.33,b=0.33,c=0.33")["a"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("text", "total"), [("train=0.8", "0.8"), ("a=0.9,b=0.9", "1.8"), ("a=2,b=0.5", "2.5")])
def test_shares_that_leave_something_out_are_rejected(text: str, total: str) -> None:
    with pytest.raises(UsageError, match=f"the shares add up to {total}, not 1"):
        parse_split(text)


def test_a_part_that_is_named_twice_is_rejected() -> None:
    with pytest.raises(UsageError, match="a is given twice"):
        parse_split("a=1,b=1,a=1")


@pytest.mark.parametrize("text", ["", "train", "train=", "train=0", "train=-1", "train=nan", "train=inf", "../x=1"])
def test_an_invalid_split_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="write it like train="):
        parse_split(text)


@pytest.mark.parametrize("file", ["../x/manifest.json", "/x/manifest.json", "train/../../x", "train/a:b", "a\\\\b", ""])
def test_a_plan_of_anyone_names_no_file_outside_of_its_folder(file: str) -> None:
    value = as_json(OPTIONS, [Shard(file, "train", (captured(1),))])
    with pytest.raises(ValueError, match="leads out of the folder"):
        from_json(value)
