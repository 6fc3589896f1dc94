"""GET /api/replays: a leaderboard with everything that does not count on it."""

from __future__ import annotations

import pytest
import requests

from tmxdb.sandbox import RunningSite, running_site
from tmxdb.sandbox.api.tables import REPLAY_FIELDS

from .client import Client

_ALL = ",".join(REPLAY_FIELDS.fields)


@pytest.fixture(scope="module")
def boards(shared_site: RunningSite) -> list[list[dict]]:
    """The whole lists of many tracks that have replays."""
    with requests.Session() as session:
        session.headers["User-Agent"] = "tests"
        client = Client(session, shared_site.url)
        ids = client.track_ids(inhasrecord=1)[:100]
        return [client.replays(track_id, fields=_ALL, count=1000)["Results"] for track_id in ids]


@pytest.fixture
def long_board(client: Client, shared_site: RunningSite) -> int:
    """A track with many replays."""
    return max(client.track_ids(order1=6, count=20), key=lambda track_id: len(shared_site.board(track_id)))


def test_the_newest_version_comes_first_and_in_it_the_best_time(boards: list[list[dict]]) -> None:
    for board in boards:
        keys = [(row["TrackAt"], -row["ReplayTime"]) for row in board]
        assert keys == sorted(keys, reverse=True)


def test_positions_count_from_zero_over_one_valid_run_of_each_driver(boards: list[list[dict]]) -> None:
    for board in boards:
        ranked = [row for row in board if row["Position"] is not None]
        assert [row["Position"] for row in ranked] == list(range(len(ranked)))
        assert len({row["User"]["UserId"] for row in ranked}) == len(ranked)
        assert all(row["Validated"] and row["IsBest"] and row["IsLeaderboard"] for row in ranked)
        assert all(row["Score"] is None for row in board if row["Position"] is None)


def test_what_does_not_count_is_in_the_list_too(boards: list[list[dict]]) -> None:
    unranked = [(row, board) for board in boards for row in board if row["Position"] is None]
    assert any(not row["Validated"] for row, _ in unranked)
    assert any(row["TrackAt"] < board[0]["TrackAt"] for row, board in unranked)
    assert any(
        row["Validated"] and not row["IsBest"] and row["TrackAt"] == board[0]["TrackAt"] for row, board in unranked
    )


def test_the_record_of_the_track_list_is_position_zero(client: Client) -> None:
    rows = client.tracks(fields="TrackId,WRReplay.ReplayId,WRReplay.ReplayTime", inhasrecord=1, count=50)["Results"]
    for row in rows:
        board = client.replays(row["TrackId"], fields="ReplayId,ReplayTime,Position", count=1000)["Results"]
        first = next((replay for replay in board if replay.pop("Position") == 0), None)
        assert row["WRReplay"] == first


def test_ten_rows_come_unasked_and_a_cursor_walks_through(client: Client, long_board: int) -> None:
    assert len(client.replays(long_board)["Results"]) == 10
    everything = [row["ReplayId"] for row in client.replays(long_board, count=1000)["Results"]]
    walked: list[int] = []
    page = client.replays(long_board, count=7)
    walked += [row["ReplayId"] for row in page["Results"]]
    while page["More"]:
        page = client.replays(long_board, count=7, after=walked[-1])
        walked += [row["ReplayId"] for row in page["Results"]]
    assert walked == everything
    assert client.replays(long_board, from_=everything[5], count=1)["Results"] == [{"ReplayId": everything[5]}]
    assert client.replays(long_board, before=everything[2], count=5)["Results"][0]["ReplayId"] == everything[0]


def test_best_and_user_choose_rows(client: Client, long_board: int) -> None:
    everything = client.replays(long_board, fields=_ALL, count=1000)["Results"]
    best = client.replays(long_board, fields=_ALL, count=1000, best=1)["Results"]
    assert best == [row for row in everything if row["IsBest"]]
    beaten = client.replays(long_board, fields=_ALL, count=1000, best=0)["Results"]
    assert beaten == [row for row in everything if row["Position"] is None]
    user_id = everything[0]["User"]["UserId"]
    his = client.replays(long_board, fields=_ALL, count=1000, userId=user_id)["Results"]
    assert his == [row for row in everything if row["User"]["UserId"] == user_id]


def test_limit_and_offset_are_ignored(client: Client, long_board: int) -> None:
    assert client.replays(long_board, limit=50, offset=5) == client.replays(long_board)


@pytest.mark.parametrize(
    "parameters", [{"fields": "ReplayId"}, {"trackId": 2233}, {"fields": "Login", "trackId": 2233}]
)
def test_a_request_that_lacks_something_is_refused(client: Client, parameters: dict) -> None:
    assert client.get("/api/replays", **parameters).status_code == 400


def test_a_track_without_replays_or_no_track_at_all_is_404(client: Client) -> None:
    without = client.track_ids(inhasrecord=0)[0]
    for track_id in (without, 5):
        assert client.get("/api/replays", trackId=track_id, fields="ReplayId").status_code == 404


def test_a_track_without_replays_can_be_an_empty_list_instead(session: requests.Session) -> None:
    with running_site(tracks=1, replays=0, empty_board="list") as site:
        assert Client(session, site.url).replays(2233) == {"More": False, "Results": []}
