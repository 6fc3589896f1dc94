"""A leaderboard's past is kept, `changes` tells it, and `refresh` finds what moved within its budget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite, running_site

OLD = "2020-01-01T00:00:00.000Z"
pytestmark = pytest.mark.usefixtures("changing")


@pytest.fixture
def mirrored(tool: Tool, site: RunningSite) -> Tool:
    """Five tracks of twelve with their three best replays, listed a day ago."""
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 5, "--top", 3)
    tool("run", "--only", "best")
    age(tool)
    site.clear_log()
    return tool


@pytest.fixture
def still() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=4, plain=True, still_activity=True) as site:
        yield site


def age(tool: Tool) -> None:
    """Make everything seen so far two days older."""
    for table, columns in {
        "tracks": ("first_seen_at", "first_listed_at", "listed_at"),
        "replays": ("first_seen_at", "position_since", "listed_at", "left_at"),
        "past_positions": ("from_at", "last_seen_at", "until_at"),
    }.items():
        for column in columns:
            tool.change(f"update {table} set {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-2 days')")


def first_track(tool: Tool) -> int:
    track_id: int = tool.one("select track_id from selection_tracks where rank = 1")
    return track_id


def listings(site: RunningSite) -> list[int]:
    lines = [line["path"] for line in site.log() if line["path"].startswith("/api/replays")]
    return sorted(int(path.split("trackId=")[1].split("&")[0]) for path in lines)


def test_a_beaten_record_stays_with_its_file_and_its_time(mirrored: Tool, site: RunningSite) -> None:
    track = first_track(mirrored)
    before = mirrored.rows("select * from records where track_id = ?", track)[0]
    new = site.add_record(track)
    mirrored("refresh")
    mirrored("run")
    now = mirrored.rows("select * from records where track_id = ?", track)[0]
    assert now["replay_id"] == new
    history = mirrored.rows("select * from record_history where track_id = ? order by from_at", track)
    assert [row["replay_id"] for row in history] == [before["replay_id"], new]
    assert history[0]["until_at"] == history[1]["from_at"] == now["record_since"]
    assert history[0]["from_at"] == before["record_since"]
    assert history[1]["until_at"] is None
    path = mirrored.one("select file_path from replays where replay_id = ?", before["replay_id"])
    assert (mirrored.folder / "data" / path).is_file()
    assert mirrored.one("select status from replays where replay_id = ?", before["replay_id"]) == "done"


def test_the_leaderboard_at_a_moment_can_be_asked(mirrored: Tool, site: RunningSite) -> None:
    track = first_track(mirrored)
    board = "select replay_id from leaderboard_at where track_id = ? and from_at <= ? and coalesce(until_at, 'z') > ?"
    moment = mirrored.one("select max(listed_at) from replays")
    then = mirrored.column(f"{board} order by rank", track, moment, moment)
    assert len(then) == 3
    new = site.add_record(track)
    mirrored("refresh")
    assert mirrored.column(f"{board} order by rank", track, moment, moment) == then
    assert mirrored.column(f"{board} order by rank", track, "y", "y") == [new, *then[:2]]
    last = "select left_because from replays where replay_id = ?"
    assert mirrored.one(last, then[2]) == "pushed"


def test_changes_tell_who_beat_whom_and_what_was_removed(mirrored: Tool, site: RunningSite) -> None:
    first, second = mirrored.column("select track_id from selection_tracks where rank <= 2 order by rank")
    before = mirrored.rows("select * from records where track_id = ?", first)[0]
    removed = mirrored.one("select replay_id from replays where track_id = ? and position = 1", second)
    new = site.add_record(first)
    site.withdraw_replay(removed)
    assert "Nothing new has been seen" in mirrored("changes").err
    mirrored("refresh", "--older-than", "1d")
    found = mirrored("changes", "--since", "yesterday", "--json").json
    (record,) = found["records"]
    assert (record["replay_id"], record["before_replay_id"]) == (new, before["replay_id"])
    assert record["faster_by_ms"] == before["time_ms"] - record["time_ms"] > 0
    gone = [row for row in found["left"] if row["reason"] == "removed"]
    assert [row["replay_id"] for row in gone] == [removed]
    assert new in [row["replay_id"] for row in found["replays"]]
    assert found["tracks"] == []
    text = mirrored("changes").out
    assert f"s faster than {before['user_name']}" in text
    assert "removed from the leaderboard" in text
    mirrored.change("update replays set site_time_ms = site_time_ms + 600000 where replay_id = ?", new)  # as in stunts
    (record,) = mirrored("changes", "--since", "yesterday", "--json").json["records"]
    assert record["faster_by_ms"] is None
    assert f", ahead of {before['user_name']}" in mirrored("changes").out
    mirrored("select", "other", "--where", f"track_id = {second}")
    assert mirrored("changes", "--only", "other", "--json").json["records"] == []


def test_a_replaced_map_is_a_reason_of_its_own(mirrored: Tool, site: RunningSite) -> None:
    track = first_track(mirrored)
    site.update_track(track)
    mirrored("refresh")
    assert mirrored.column("select distinct left_because from replays where track_id = ?", track) == ["replaced"]
    assert [row["track_id"] for row in mirrored("changes", "--json").json["maps"]] == [track]


def test_a_listing_without_changes_writes_no_history(mirrored: Tool, site: RunningSite) -> None:
    mirrored("refresh", "--older-than", "1s")
    assert len(listings(site)) == 5
    assert mirrored.one("select count(*) from past_positions") == 0
    assert mirrored("changes", "--json").json["replays"] == []


def test_refresh_lists_what_moved_on_the_site_and_nothing_else(mirrored: Tool, site: RunningSite) -> None:
    track = first_track(mirrored)
    other = next(i for i in site.track_ids() if i not in mirrored.column("select track_id from tracks"))
    site.add_replays(track, 1)
    site.add_replays(other, 1)
    mirrored("refresh", "--only", "best")
    assert listings(site) == [track]
    assert site.stats()["requests"] == 2  # one look-up of all five, one leaderboard
    assert mirrored.one("select count(*) from tracks") == 5
    assert mirrored.one("select listed_top from tracks where track_id = ?", track) == 3


def test_refresh_does_not_rest_on_the_activity_of_the_site_alone(tool: Tool, still: RunningSite) -> None:
    tool("--site", still.url, "select", "best", "--order", "awards", "--max-tracks", 5, "--top", 3)
    tool("run")
    second = tool.one("select replay_id from replays where position = 1 and track_id = ?", first_track(tool))
    still.withdraw_replay(second)
    age(tool)
    still.clear_log()
    tool("refresh", "--changed")
    assert listings(still) == []  # the site says that nothing moved
    tool("refresh", "--older-than", "1d")
    assert len(listings(still)) == 5
    assert tool.one("select left_because from replays where replay_id = ?", second) == "removed"


def test_a_budget_takes_the_most_wanted_first_and_the_next_refresh_goes_on(mirrored: Tool, site: RunningSite) -> None:
    wanted = mirrored.column("select track_id from tracks order by priority, track_id")
    planned = mirrored("refresh", "--older-than", "1d", "--max-requests", 3, "--dry-run").err
    assert "5 leaderboards not listed for a while" in planned
    assert "2 would be listed" in planned
    assert site.stats()["requests"] == 0
    mirrored("refresh", "--older-than", "1d", "--max-requests", 3)
    assert listings(site) == sorted(wanted[:2])
    assert site.stats()["requests"] == 3
    mirrored("refresh", "--older-than", "1d", "--max-requests", 4)
    assert listings(site) == sorted(wanted)
    assert "No leaderboard is due." in mirrored("refresh", "--older-than", "1d").err


def test_a_run_after_a_shallower_one_fetches_no_more_unless_asked(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 4)
    tool("run", "--top", 2)
    site.clear_log()
    tool("run")
    assert site.stats()["requests"] == 0
    tool("run", "--top", 3)
    assert tool.column("select distinct listed_top from tracks") == [3]


@pytest.mark.parametrize(
    ("before", "after", "depth"),
    [
        (["--all-replays"], ["--only", "few"], -1),
        (["--all-replays"], ["--top", 2], -1),
        (["--top", 4], ["--only", "few"], 4),
        (["--top", 4], ["--top", 2], 4),
    ],
)
def test_a_leaderboard_is_never_listed_to_a_smaller_depth_than_before(
    tool: Tool, before: list[str], after: list[str], depth: int
) -> None:
    """What is below the new depth would keep the positions of the older listing, and be in the wrong order."""
    with running_site(tracks=3, replays=5, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run", *before)
        track = site.track_ids()[0]
        (tool.folder / "ids.txt").write_text(f"{track}\n")
        tool("select", "few", "--track-ids", "ids.txt", "--top", 2)
        site.add_record(track)
        tool("sync-tracks", "--refresh")
        tool("run", *after)
        wanted = [row["replay_id"] for row in site.leaderboard(track)][: None if depth < 0 else depth]
        found = "select replay_id from replays where track_id = ? and position is not null order by position"
        assert tool.one("select listed_top from tracks where track_id = ?", track) == depth
        assert tool.column(found, track) == wanted


def test_times_of_changes_and_spans_that_cannot_be_read_are_one_sentence(mirrored: Tool) -> None:
    assert "is not a time" in mirrored("changes", "--since", "whenever", ends=2).error
    assert "in the future" in mirrored("changes", "--since", "2099-01-01", ends=2).error
    assert "is not a span" in mirrored("refresh", "--older-than", "a week", ends=2).error
    assert "'' is not a span" in mirrored("refresh", "--older-than", "", ends=2).error
    assert "longer than 100 years" in mirrored("refresh", "--older-than", "99999999d", "--dry-run", ends=2).error
    assert "longer than 100 years" in mirrored("watch", "--every", "99999999d", ends=2).error
    assert "'' is not a span" in mirrored("watch", "--every", "", ends=2).error
    assert "--every 0s must be longer than 0" in mirrored("watch", "--every", "0s", ends=2).error
    for since in ("today", "yesterday", "2h", "1d12h", "2020-01-01", "2020-01-01T10:00:00Z"):
        mirrored("changes", "--since", since)
