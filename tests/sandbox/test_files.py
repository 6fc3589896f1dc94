"""Served files: complete, reproducible, and with the facts of the list."""

from __future__ import annotations

from pathlib import Path

import lzokay
import pytest
import requests

from tests.sandbox.client import Client
from tmxdb.errors import InvalidInput
from tmxdb.gbx import read_challenge, read_replay
from tmxdb_sandbox import RunningSite, running_site
from tmxdb_sandbox.gbx_writer.writer import literal_lzo


def leaderboard_rows(site: RunningSite, client: Client, count: int) -> list[dict]:
    ids = client.track_ids(inhasrecord=1, count=count)
    return [row for track_id in ids for row in site.leaderboard(track_id)]


@pytest.mark.parametrize("size", [4, 5, 237, 238, 239, 273, 274, 528, 529, 784, 70_000])
def test_a_stored_lzo_stream_decompresses_to_its_content(size: int) -> None:
    data = bytes(number * 7 & 0xFF for number in range(size))
    assert lzokay.decompress(literal_lzo(data), size) == data


def test_every_replay_is_complete_and_has_the_facts_of_the_list(client: Client, shared_site: RunningSite) -> None:
    available = [row for row in leaderboard_rows(shared_site, client, 30) if not row["removed"]]
    assert len(available) > 100
    for row in available:
        replay = read_replay(client.get(f"/recordgbx/{row['replay_id']}").content)
        assert replay.unread == ()
        assert replay.map_uid == row["map_uid"] == replay.challenge.uid
        assert replay.race_time_ms == row["race_time_ms"] == replay.checkpoints_ms[-1]
        assert replay.respawns == replay.respawn_events == row["respawns"]
        assert (replay.login, replay.nickname) == (row["login"], row["nickname"])
        assert replay.checkpoints_ms == tuple(sorted(replay.checkpoints_ms))
        assert replay.input_count > 10
        assert replay.samples[-1].time_ms >= row["race_time_ms"]


def test_a_track_file_is_the_map_of_its_row(client: Client) -> None:
    fields = "TrackId,TrackName,UId,AuthorTime,GoldTarget,BronzeTarget"
    for row in client.tracks(fields=fields, count=60)["Results"]:
        response = client.get(f"/trackgbx/{row['TrackId']}")
        assert response.headers["Content-Type"] == "application/gbx"
        assert response.headers["Content-Length"] == str(len(response.content))
        challenge = read_challenge(response.content)
        assert challenge.unread == ()
        assert (challenge.uid, challenge.name) == (row["UId"], row["TrackName"])
        assert (challenge.author_ms, challenge.gold_ms) == (row["AuthorTime"], row["GoldTarget"])
        assert challenge.bronze_ms == row["BronzeTarget"]
        assert challenge.thumbnail


def test_the_embedded_map_has_the_uid_but_other_bytes_than_the_track_file(
    client: Client, shared_site: RunningSite
) -> None:
    track_id = client.track_ids(inhasrecord=1, count=1)[0]
    row = next(row for row in shared_site.leaderboard(track_id) if not row["removed"])
    embedded = read_replay(shared_site.expected_replay(row["replay_id"])).map_bytes
    assert embedded != shared_site.expected_track(track_id)
    assert read_challenge(embedded).uid == row["map_uid"]


def test_two_sandboxes_with_the_same_seed_serve_the_same_bytes() -> None:
    with running_site(tracks=8, replays=4, seed=9) as one, running_site(tracks=8, replays=4, seed=9) as other:
        ids = [row["replay_id"] for track_id in one.track_ids() for row in one.leaderboard(track_id)]
        assert [one.expected_replay(n) for n in ids] == [other.expected_replay(n) for n in ids]
        assert len({one.expected_replay(n) for n in ids}) == len(ids) > 5


def test_a_removed_replay_is_listed_but_its_file_is_404(client: Client, shared_site: RunningSite) -> None:
    row = next(row for row in leaderboard_rows(shared_site, client, 200) if row["removed"])
    listed = client.replays(row["track_id"], count=1000)["Results"]
    assert {"ReplayId": row["replay_id"]} in listed
    response = client.get(f"/recordgbx/{row['replay_id']}")
    assert response.status_code == 404
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("path", ["/recordgbx/0", "/recordgbx/999999999999", "/trackgbx/5", "/trackgbx/" + "9" * 30])
def test_an_unknown_file_is_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_file_kb_sets_the_file_size() -> None:
    with running_site(tracks=10, replays=2, plain=True, file_kb=29) as site:
        sizes = [len(site.expected_replay(row["replay_id"])) for t in site.track_ids() for row in site.leaderboard(t)]
    assert all(27 * 1024 < size < 31 * 1024 for size in sizes)


# Real files


@pytest.fixture
def folder(tmp_path: Path, shared_site: RunningSite, client: Client) -> Path:
    """Replays of three maps, the map file of one of them, and unreadable files."""
    for track_id in [i for i in client.track_ids(order1=6) if len(shared_site.leaderboard(i)) > 2][:3]:
        for row in shared_site.leaderboard(track_id)[:3]:
            data = shared_site.expected_replay(row["replay_id"])
            (tmp_path / f"{row['replay_id']}.Replay.Gbx").write_bytes(data)
    (tmp_path / "map.Challenge.Gbx").write_bytes(shared_site.expected_track(track_id))
    (tmp_path / "cut.Replay.Gbx").write_bytes(data[:-100])
    (tmp_path / "page.Replay.Gbx").write_bytes(b"<html>")
    (tmp_path / "readme.txt").write_text("hello")
    return tmp_path


def test_real_files_fill_any_number_of_tracks_and_agree_with_the_lists(folder: Path) -> None:
    originals = {path.read_bytes() for path in folder.iterdir()}
    with running_site(gbx_dir=str(folder), tracks=8, replays=5) as site:
        ids = site.track_ids()
        assert len(ids) == 8
        for track_id in ids:
            assert [row["position"] for row in site.leaderboard(track_id)] == [0, 1, 2, 3, 4]
            for row in site.leaderboard(track_id):
                data = site.expected_replay(row["replay_id"])
                replay = read_replay(data)
                assert data in originals
                assert (replay.race_time_ms, replay.login) == (row["race_time_ms"], row["login"])
                assert replay.map_uid == row["map_uid"] == read_challenge(site.expected_track(track_id)).uid


def test_a_map_file_of_the_folder_is_preferred_to_an_embedded_map(folder: Path, session: requests.Session) -> None:
    challenge = (folder / "map.Challenge.Gbx").read_bytes()
    uid = read_challenge(challenge).uid
    with running_site(gbx_dir=str(folder), tracks=7) as site:
        same = Client(session, site.url).track_ids(uid=uid)
        assert len(same) >= 2
        assert all(site.expected_track(track_id) == challenge for track_id in same)


def test_a_folder_without_replays_is_refused_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no readable replay in"), running_site(gbx_dir=str(tmp_path / "no")):
        pass
