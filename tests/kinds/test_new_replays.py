"""How many new replays a run will find, from the listings so far."""

from __future__ import annotations

import pytest

from tests.rows import Rows
from tmxdb.clock import iso
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.new_replays import NewReplays, expected_new_replays

AT = {"synced_at": iso(0)}
LISTED = {**AT, "listed_at": iso(0), "wr_replay_id": 1}


def expected(rows: Rows, **options: object) -> NewReplays:
    with rows.database.read() as connection:
        return expected_new_replays(connection, JobOptions(**options))  # type: ignore[arg-type]


def test_without_listings_the_number_is_at_most_what_is_wanted(rows: Rows) -> None:
    rows.track(1, **AT, wr_replay_id=1)
    rows.track(2)  # added by its id alone: it may have replays
    rows.track(3, **AT)
    rows.select("deep", 2, top=30)
    assert expected(rows, top=5) == NewReplays(5 + 30, "at most", tracks_without_record=1)
    assert expected(rows, top=5, top_chosen=True) == NewReplays(5 + 5, "at most", tracks_without_record=1)
    assert expected(rows, all_replays=True) == NewReplays(0, "at least", tracks_without_record=1)
    assert expected(rows, top=5, selection="deep") == NewReplays(30, "at most")


def test_the_average_of_listings_as_deep_is_expected_of_tracks_with_a_record(rows: Rows) -> None:
    rows.track(1, "done", **LISTED, listed_top=10, listed_count=10)
    rows.track(2, "done", **LISTED, listed_top=10, listed_count=2)
    rows.track(3, "done", **AT, listed_at=iso(0), listed_top=10, listed_count=0)
    for track_id in range(4, 7):
        rows.track(track_id, **AT, wr_replay_id=1)
    rows.track(7, **AT)
    assert expected(rows, top=10) == NewReplays(3 * 6, "about", tracks_without_record=1)
    assert expected(rows, top=4, top_chosen=True) == NewReplays(3 * 3, "about", tracks_without_record=1)


def test_shallower_listings_tell_nothing(rows: Rows) -> None:
    rows.track(1, "done", **LISTED, listed_top=2, listed_whole=True, listed_count=1)
    rows.track(2, **AT, wr_replay_id=1)
    assert expected(rows, top=10) == NewReplays(10, "at most")


def test_a_track_that_is_listed_again_brings_what_it_has_beyond_the_earlier_listing(rows: Rows) -> None:
    rows.track(1, "done", **LISTED, listed_top=2, listed_whole=False, listed_count=2)
    rows.track(2, "pending", **LISTED, listed_top=3, listed_whole=False, listed_count=3)
    rows.track(3, "pending", **LISTED, listed_top=9, listed_whole=True, listed_count=4)
    wanted = {"top": 10, "top_chosen": True}
    assert expected(rows, **wanted) == NewReplays(8 + 7, "at most")
    rows.track(4, "done", **LISTED, listed_top=10, listed_whole=True, listed_count=6)
    rows.track(5, "done", **LISTED, listed_top=10, listed_whole=True, listed_count=1)
    assert expected(rows, **wanted) == NewReplays(4 + 3, "about")


@pytest.mark.parametrize(("options", "new"), [({"top": 3}, 1), ({"top": 2}, 1), ({"top": 10}, 8)])
def test_replays_that_are_known_already_are_not_new(rows: Rows, options: dict[str, int], new: int) -> None:
    rows.track(1, **AT, wr_replay_id=1)
    rows.replay(11, "done", position=0)
    rows.replay(12, "done", position=2)
    rows.replay(13, "done")  # beaten: it takes no place on the leaderboard
    assert expected(rows, **options) == NewReplays(new, "at most")
