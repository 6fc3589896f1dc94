"""Uploads, updates and removals while clients watch."""

from __future__ import annotations

import pytest

from tmxdb.errors import BadInput
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.sandbox import RunningSite

from .client import Client


def test_new_tracks_appear_at_the_end_of_the_upload_order(own_site: RunningSite, owner: Client) -> None:
    before = owner.track_ids(order1=1)
    last = owner.tracks(fields="UploadedAt", order1=2, count=1)["Results"][0]["UploadedAt"]
    added = own_site.add_tracks(3)
    assert owner.track_ids(order1=1) == before + added
    assert owner.track_ids(order1=1, after=before[-1]) == added
    assert owner.tracks(fields="UploadedAt", id=added[0])["Results"][0]["UploadedAt"] > last
    for row in own_site.board(added[0]):
        assert read_replay(owner.get(f"/recordgbx/{row['replay_id']}").content).map_uid == row["map_uid"]


def test_a_deleted_track_is_nowhere_and_its_cursor_leads_back_to_the_first_page(
    own_site: RunningSite, owner: Client
) -> None:
    ids = owner.track_ids(order1=1)
    replay_id = own_site.board(ids[4])[0]["replay_id"]
    own_site.delete_track(ids[4])
    assert owner.track_ids(order1=1) == [*ids[:4], *ids[5:]] == own_site.track_ids()
    assert owner.track_ids(id=ids[4]) == []
    assert owner.get("/api/replays", trackId=ids[4], fields="ReplayId").status_code == 404
    assert owner.get(f"/trackgbx/{ids[4]}").status_code == 404
    assert owner.get(f"/recordgbx/{replay_id}").status_code == 404
    assert owner.track_ids(order1=1, after=ids[4], count=2) == ids[:2]


def test_an_updated_track_has_a_new_file_and_no_valid_replays(own_site: RunningSite, owner: Client) -> None:
    track_id = owner.track_ids(order1=1)[5]
    fields = "UId,UpdatedAt,ActivityAt,UploadedAt,WRReplay.ReplayId"
    old, old_file = owner.tracks(id=track_id, fields=fields)["Results"][0], own_site.expected_track(track_id)
    old_replay = own_site.board(track_id)[0]["replay_id"]
    old_bytes = own_site.expected_replay(old_replay)
    own_site.touch_track(track_id)
    new, new_file = owner.tracks(id=track_id, fields=fields)["Results"][0], own_site.expected_track(track_id)
    assert new["UpdatedAt"] > old["UpdatedAt"] == new["UploadedAt"]
    assert new["ActivityAt"] >= new["UpdatedAt"]
    assert new["UId"] != old["UId"]
    assert read_challenge(new_file).uid == new["UId"]
    assert new_file != old_file
    assert new["WRReplay"] is None
    rows = owner.replays(track_id, fields="Position,TrackAt")["Results"]
    assert rows == [{"Position": None, "TrackAt": old["UpdatedAt"]}] * 3
    assert own_site.expected_replay(old_replay) == old_bytes
    assert owner.track_ids(order1=4)[0] == owner.track_ids(order1=10)[0] == track_id


def test_new_replays_join_the_board_of_the_newest_version(own_site: RunningSite, owner: Client) -> None:
    track_id = owner.track_ids(order1=1)[7]
    own_site.touch_track(track_id)
    added = own_site.add_replays(track_id, 4)
    rows = owner.replays(track_id, fields="ReplayId,Position", count=100)["Results"]
    assert sorted(row["ReplayId"] for row in rows[:4]) == added
    assert [row["Position"] for row in rows] == [0, 1, 2, 3, None, None, None]
    uid = owner.tracks(id=track_id, fields="UId")["Results"][0]["UId"]
    assert read_replay(owner.get(f"/recordgbx/{added[0]}").content).map_uid == uid


def test_a_deleted_replay_stays_listed(own_site: RunningSite, owner: Client) -> None:
    track_id = owner.track_ids(order1=1)[9]
    replay_id = own_site.board(track_id)[0]["replay_id"]
    assert owner.get(f"/recordgbx/{replay_id}").status_code == 200
    own_site.delete_replay(replay_id)
    assert owner.get(f"/recordgbx/{replay_id}").status_code == 404
    assert {"ReplayId": replay_id} in owner.replays(track_id)["Results"]


def test_an_unknown_id_is_refused(site: RunningSite) -> None:
    with pytest.raises(BadInput, match="No such id"):
        site.delete_track(5)
