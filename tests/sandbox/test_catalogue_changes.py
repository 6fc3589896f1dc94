"""Uploads, updates and removals while the site runs."""

from __future__ import annotations

import pytest

from tests.sandbox.client import Client
from tmxdb.errors import InvalidInput
from tmxdb.gbx import read_challenge, read_replay
from tmxdb_sandbox import RunningSite


def test_new_tracks_appear_at_the_end_of_the_upload_order(own_site: RunningSite, own_client: Client) -> None:
    before = own_client.track_ids(order1=1)
    last = own_client.tracks(fields="UploadedAt", order1=2, count=1)["Results"][0]["UploadedAt"]
    added = own_site.add_tracks(3)
    assert own_client.track_ids(order1=1) == before + added
    assert own_client.track_ids(order1=1, after=before[-1]) == added
    assert own_client.tracks(fields="UploadedAt", id=added[0])["Results"][0]["UploadedAt"] > last
    for row in own_site.leaderboard(added[0]):
        assert read_replay(own_client.get(f"/recordgbx/{row['replay_id']}").content).map_uid == row["map_uid"]


def test_a_deleted_track_is_missing_everywhere_and_as_a_cursor_gives_the_first_page(
    own_site: RunningSite, own_client: Client
) -> None:
    ids = own_client.track_ids(order1=1)
    replay_id = own_site.leaderboard(ids[4])[0]["replay_id"]
    own_site.delete_track(ids[4])
    assert own_client.track_ids(order1=1) == [*ids[:4], *ids[5:]] == own_site.track_ids()
    assert own_client.track_ids(id=ids[4]) == []
    assert own_client.get("/api/replays", trackId=ids[4], fields="ReplayId").status_code == 404
    assert own_client.get(f"/trackgbx/{ids[4]}").status_code == 404
    assert own_client.get(f"/recordgbx/{replay_id}").status_code == 404
    assert own_client.track_ids(order1=1, after=ids[4], count=2) == ids[:2]


def test_an_updated_track_has_a_new_file_and_no_valid_replays(own_site: RunningSite, own_client: Client) -> None:
    track_id = own_client.track_ids(order1=1)[5]
    fields = "UId,UpdatedAt,ActivityAt,UploadedAt,WRReplay.ReplayId"
    old, old_file = own_client.tracks(id=track_id, fields=fields)["Results"][0], own_site.expected_track(track_id)
    old_replay = own_site.leaderboard(track_id)[0]["replay_id"]
    old_bytes = own_site.expected_replay(old_replay)
    own_site.update_track(track_id)
    new, new_file = own_client.tracks(id=track_id, fields=fields)["Results"][0], own_site.expected_track(track_id)
    assert new["UpdatedAt"] > old["UpdatedAt"] == new["UploadedAt"]
    assert new["ActivityAt"] >= new["UpdatedAt"]
    assert new["UId"] != old["UId"]
    assert read_challenge(new_file).uid == new["UId"]
    assert new_file != old_file
    assert new["WRReplay"] is None
    rows = own_client.replays(track_id, fields="Position,TrackAt")["Results"]
    assert rows == [{"Position": None, "TrackAt": old["UpdatedAt"]}] * 3
    assert own_site.expected_replay(old_replay) == old_bytes
    assert own_client.track_ids(order1=4)[0] == own_client.track_ids(order1=10)[0] == track_id


def test_new_replays_are_ranked_on_the_newest_version(own_site: RunningSite, own_client: Client) -> None:
    track_id = own_client.track_ids(order1=1)[7]
    own_site.update_track(track_id)
    added = own_site.add_replays(track_id, 4)
    rows = own_client.replays(track_id, fields="ReplayId,Position", count=100)["Results"]
    assert sorted(row["ReplayId"] for row in rows[:4]) == added
    assert [row["Position"] for row in rows] == [0, 1, 2, 3, None, None, None]
    uid = own_client.tracks(id=track_id, fields="UId")["Results"][0]["UId"]
    assert read_replay(own_client.get(f"/recordgbx/{added[0]}").content).map_uid == uid


def test_a_deleted_replay_stays_on_the_leaderboard(own_site: RunningSite, own_client: Client) -> None:
    track_id = own_client.track_ids(order1=1)[9]
    replay_id = own_site.leaderboard(track_id)[0]["replay_id"]
    assert own_client.get(f"/recordgbx/{replay_id}").status_code == 200
    own_site.delete_replay(replay_id)
    assert own_client.get(f"/recordgbx/{replay_id}").status_code == 404
    assert {"ReplayId": replay_id} in own_client.replays(track_id)["Results"]


def test_an_unknown_id_is_refused(site: RunningSite) -> None:
    with pytest.raises(InvalidInput, match="No such id"):
        site.delete_track(5)
