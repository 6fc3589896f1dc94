"""GET /api/replays: a leaderboard including replays without a position."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.client import Client
from tmxdb_sandbox import RunningSite, running_site
from tmxdb_sandbox.api.response_fields import REPLAY_FIELDS

_ALL = ",".join(REPLAY_FIELDS.fields)


@pytest.fixture(scope="module")
def leaderboards(shared_site: RunningSite) -> list[list[dict]]:
    """The complete lists of 100 tracks with replays."""
    with requests.Session() as session:
        session.headers["User-Agent"] = "tests"
        client = Client(session, shared_site.url)
        ids = client.track_ids(inhasrecord=1)[:100]
        return [client.replays(track_id, fields=_ALL, count=1000)["Results"] for track_id in ids]


@pytest.fixture
def popular_track(client: Client, shared_site: RunningSite) -> int:
    """The id of a track with many replays."""
    return max(client.track_ids(order1=6, count=20), key=lambda track_id: len(shared_site.leaderboard(track_id)))


def test_replays_are_sorted_by_newest_version_and_then_by_time(leaderboards: list[list[dict]]) -> None:
    for leaderboard in leaderboards:
        keys = [(row["TrackAt"], -row["ReplayTime"]) for row in leaderboard]
        assert keys == sorted(keys, reverse=True)


def test_positions_count_the_best_valid_replay_of_each_driver_from_zero(leaderboards: list[list[dict]]) -> None:
    for leaderboard in leaderboards:
        ranked = [row for row in leaderboard if row["Position"] is not None]
        assert [row["Position"] for row in ranked] == list(range(len(ranked)))
        assert len({row["User"]["UserId"] for row in ranked}) == len(ranked)
        assert all(row["Validated"] and row["IsBest"] and row["IsLeaderboard"] for row in ranked)
        assert all(row["Score"] is None for row in leaderboard if row["Position"] is None)


def test_replays_without_a_position_are_listed(leaderboards: list[list[dict]]) -> None:
    unranked = [(row, leaderboard) for leaderboard in leaderboards for row in leaderboard if row["Position"] is None]
    assert any(not row["Validated"] for row, _ in unranked)
    assert any(row["TrackAt"] < leaderboard[0]["TrackAt"] for row, leaderboard in unranked)
    assert any(
        row["Validated"] and not row["IsBest"] and row["TrackAt"] == leaderboard[0]["TrackAt"]
        for row, leaderboard in unranked
    )


def test_the_record_of_the_track_list_is_position_zero(client: Client) -> None:
    rows = client.tracks(fields="TrackId,WRReplay.ReplayId,WRReplay.ReplayTime", inhasrecord=1, count=50)["Results"]
    for row in rows:
        leaderboard = client.replays(row["TrackId"], fields="ReplayId,ReplayTime,Position", count=1000)["Results"]
        first = next((replay for replay in leaderboard if replay.pop("Position") == 0), None)
        assert row["WRReplay"] == first


def test_a_page_has_ten_rows_by_default_and_cursors_reach_all(client: Client, popular_track: int) -> None:
    assert len(client.replays(popular_track)["Results"]) == 10
    everything = [row["ReplayId"] for row in client.replays(popular_track, count=1000)["Results"]]
    walked: list[int] = []
    page = client.replays(popular_track, count=7)
    walked += [row["ReplayId"] for row in page["Results"]]
    while page["More"]:
        page = client.replays(popular_track, count=7, after=walked[-1])
        walked += [row["ReplayId"] for row in page["Results"]]
    assert walked == everything
    assert client.replays(popular_track, from_=everything[5], count=1)["Results"] == [{"ReplayId": everything[5]}]
    assert client.replays(popular_track, before=everything[2], count=5)["Results"][0]["ReplayId"] == everything[0]


def test_best_and_user_select_rows(client: Client, popular_track: int) -> None:
    everything = client.replays(popular_track, fields=_ALL, count=1000)["Results"]
    best = client.replays(popular_track, fields=_ALL, count=1000, best=1)["Results"]
    assert best == [row for row in everything if row["IsBest"]]
    unranked = client.replays(popular_track, fields=_ALL, count=1000, best=0)["Results"]
    assert unranked == [row for row in everything if row["Position"] is None]
    user_id = everything[0]["User"]["UserId"]
    of_user = client.replays(popular_track, fields=_ALL, count=1000, userId=user_id)["Results"]
    assert of_user == [row for row in everything if row["User"]["UserId"] == user_id]


def test_limit_and_offset_are_ignored(client: Client, popular_track: int) -> None:
    assert client.replays(popular_track, limit=50, offset=5) == client.replays(popular_track)


@pytest.mark.parametrize(
    "parameters", [{"fields": "ReplayId"}, {"trackId": 2233}, {"fields": "Login", "trackId": 2233}]
)
def test_a_request_with_missing_parameters_is_refused(client: Client, parameters: dict) -> None:
    assert client.get("/api/replays", **parameters).status_code == 400


def test_a_track_without_replays_or_no_track_at_all_is_404(client: Client) -> None:
    without = client.track_ids(inhasrecord=0)[0]
    for track_id in (without, 5):
        assert client.get("/api/replays", trackId=track_id, fields="ReplayId").status_code == 404


def test_a_track_without_replays_can_be_an_empty_list_instead(session: requests.Session) -> None:
    with running_site(tracks=1, replays=0, empty_board="list") as site:
        assert Client(session, site.url).replays(2233) == {"More": False, "Results": []}
