"""`extract`: the map of a track, cut out of one of its replays byte for byte, else from the site."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.storage import NewFile, Storage, path_lock, publishing
from tmxdb_sandbox import RunningSite

EXTRACT = ("work", "--kind", "extract")


def _map(tool: Tool, track_id: int) -> bytes:
    return (tool.folder / "data" / "tracks" / f"{track_id}.Challenge.Gbx").read_bytes()


def _slice(tool: Tool, replay_id: int) -> bytes:
    path = tool.one("select file_path from replays where replay_id = ?", replay_id)
    return read_replay((tool.folder / "data" / path).read_bytes()).map_bytes


def _spoil(tool: Tool, replay_id: int) -> None:
    path = tool.folder / "data" / tool.one("select file_path from replays where replay_id = ?", replay_id)
    path.write_bytes(path.read_bytes()[:-1])


def test_each_map_is_the_slice_of_the_replay_that_its_row_names(downloaded: Tool, site: RunningSite) -> None:
    downloaded(*EXTRACT)
    rows = downloaded.rows("select * from maps")
    assert {row["track_id"] for row in rows} == set(site.track_ids())
    for row in rows:
        data = _map(downloaded, row["track_id"])
        assert data == _slice(downloaded, row["from_replay_id"])
        assert (row["status"], row["source"]) == ("done", "replay")
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["file_bytes"] == len(data)
        assert row["file_path"] == f"tracks/{row['track_id']}.Challenge.Gbx"
    assert site.stats()["requests"] == 0


def test_the_facts_of_a_map_are_in_its_row(downloaded: Tool, site: RunningSite) -> None:
    downloaded(*EXTRACT)
    for row in downloaded.rows("select maps.*, tracks.uid as right_uid, tracks.author_time_ms from maps join tracks using (track_id)"):  # fmt: skip  # noqa: E501
        challenge = read_challenge(_map(downloaded, row["track_id"]))
        assert row["uid"] == row["right_uid"] == challenge.uid
        assert row["uid_matches"] == 1
        for name in ("name", "name_plain", "author", "environment", "mood", "map_type", "laps", "author_ms", "gold_ms",
                     "silver_ms", "bronze_ms", "cost", "checkpoint_count", "game"):  # fmt: skip
            assert row[name] == getattr(challenge, name), name
        assert row["author_ms"] == row["author_time_ms"]


def test_the_map_is_taken_from_the_best_replay_on_the_current_version(downloaded: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    best, second, *_ = downloaded.column("select replay_id from replays where track_id = ? order by position", track_id)
    downloaded.change("update replays set map_uid_matches = 0 where replay_id = ?", best)
    downloaded(*EXTRACT)
    assert downloaded.one("select from_replay_id from maps where track_id = ?", track_id) == second


@pytest.mark.parametrize("how", ["cut", "deleted"])
def test_the_next_replay_is_tried_if_one_contains_no_map(downloaded: Tool, site: RunningSite, how: str) -> None:
    track_id = site.track_ids()[0]
    best, second, *_ = downloaded.column("select replay_id from replays where track_id = ? order by position", track_id)
    _spoil(downloaded, best)
    if how == "deleted":
        (
            downloaded.folder / "data" / downloaded.one("select file_path from replays where replay_id = ?", best)
        ).unlink()
    downloaded(*EXTRACT)
    assert downloaded.one("select from_replay_id from maps where track_id = ?", track_id) == second
    assert site.stats()["requests"] == 0


def test_on_each_engine_maps_are_published_together_each_from_the_best_replay(
    tool: Tool, site: RunningSite, new_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, sync = list[int](), publishing._sync

    def noted(files: Sequence[NewFile]) -> publishing.Results:
        sizes.append(len(files))
        return sync(files)

    tool("--db", new_location, "--site", site.url, "sync-tracks")
    for kind in ("list", "download"):
        tool("--db", new_location, "work", "--kind", kind)
    monkeypatch.setattr(publishing, "_sync", noted)
    tool("--db", new_location, "work", "--kind", "extract", "--n", 1)
    with contextlib.closing(Database(new_location)) as database, database.read() as connection:
        best = "(select replay_id from replays where position = 0 and replays.track_id = maps.track_id)"
        wrong = connection.execute(text(f"select * from maps where status <> 'done' or from_replay_id <> {best}"))
        assert wrong.fetchall() == []
    assert sizes == [len(site.track_ids())]


def test_a_map_that_another_worker_has_taken_over_is_not_published_with_the_others(
    downloaded: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *others), sync = site.track_ids(), publishing._sync

    def taken_over_meanwhile(files: Sequence[NewFile]) -> publishing.Results:
        assert len(files) == len(site.track_ids())
        downloaded.change("update maps set claim_token = claim_token + 1 where track_id = ?", first)
        return sync(files)

    monkeypatch.setattr(publishing, "_sync", taken_over_meanwhile)
    downloaded(*EXTRACT, "--n", 1)
    assert {name for name in downloaded.files() if ".Challenge" in name} == {
        f"data/tracks/{track_id}.Challenge.Gbx" for track_id in others
    }
    assert downloaded.column("select track_id from maps where status = 'done' order by track_id") == sorted(others)


def test_the_map_is_downloaded_if_no_replay_contains_it(downloaded: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    for replay_id in downloaded.column("select replay_id from replays where track_id = ?", track_id):
        _spoil(downloaded, replay_id)
    downloaded(*EXTRACT)
    row = downloaded.rows("select * from maps where track_id = ?", track_id)[0]
    assert (row["source"], row["from_replay_id"], row["uid_matches"]) == ("site", None, 1)
    assert _map(downloaded, track_id) == site.expected_track(track_id)
    assert [line["path"] for line in site.log()] == [f"/trackgbx/{track_id}"]


@pytest.mark.usefixtures("changing")
def test_a_map_that_is_found_nowhere_is_skipped_with_the_reasons(downloaded: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    for replay_id in downloaded.column("select replay_id from replays where track_id = ?", track_id):
        _spoil(downloaded, replay_id)
    site.delete_track(track_id)
    downloaded(*EXTRACT)
    row = downloaded.rows("select status, error_code, error from maps where track_id = ?", track_id)[0]
    assert (row["status"], row["error_code"]) == ("skipped", "tmx.gone")
    assert "has changed since it was downloaded" in row["error"]
    assert downloaded.one("select count(*) from maps where status = 'done'") == 5


def test_from_site_downloads_the_map_of_every_track_even_without_replays(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*EXTRACT, "--from", "site", "--n", 4)
    for track_id in site.track_ids():
        assert _map(tool, track_id) == site.expected_track(track_id)
    assert tool.rows("select distinct status, source, from_replay_id, uid_matches from maps") == [
        {"status": "done", "source": "site", "from_replay_id": None, "uid_matches": 1}
    ]
    assert tool.one("select count(*) from replays") == 0


def test_a_complete_map_from_the_site_left_by_a_killed_run_is_adopted(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool(*EXTRACT, "--from", "site")
    before = tool.rows("select track_id, sha256, uid, author_ms from maps")
    cut, *_ = site.track_ids()
    (tool.folder / "data" / "tracks" / f"{cut}.Challenge.Gbx").write_bytes(_map(tool, cut)[:-1])
    tool.change("delete from maps")
    site.clear_log()
    tool(*EXTRACT, "--from", "site")
    assert [line["path"] for line in site.log()] == [f"/trackgbx/{cut}"]
    assert tool.rows("select track_id, sha256, uid, author_ms from maps") == before


def test_a_map_of_the_user_is_not_settled_while_another_process_may_replace_its_file(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path_lock, "WAIT_S", 0.05)
    track_id = site.track_ids()[0]
    (tool.folder / "own").mkdir()
    (tool.folder / "own" / f"{track_id}.Challenge.Gbx").write_bytes(site.expected_track(track_id))
    tool("--site", site.url, "adopt", "own")
    tool("retry", "--kind", "extract", "--status", "done")
    with Storage(tool.folder / "data").lock(tool.one("select file_path from maps")):
        tool(*EXTRACT, "--no-wait")
    assert tool.rows("select status, error_code from maps") == [{"status": "retry", "error_code": "disk.locked"}]
    tool.change("update maps set available_at = '2020-01-01T00:00:00.000Z'")
    tool(*EXTRACT)
    assert tool.rows("select status, source from maps") == [{"status": "done", "source": "adopted"}]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("html", "tmx.html"),
        ("cut", "tmx.cut"),
        ("not-gbx", "gbx.not_gbx"),
        ("empty", "tmx.empty"),
        ("wrong-file", "tmx.wrong_file"),
    ],
)
def test_a_wrong_response_for_a_map_is_recognised_and_retried(
    tool: Tool, site: RunningSite, fault: str, code: str
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults([f"{fault}:100%:first=1:on=track"])
    tool(*EXTRACT, "--from", "site")
    assert tool.column("select distinct status from maps") == ["done"]
    assert tool.column("select distinct error_code from attempts") == [code]
    for track_id in site.track_ids():
        assert _map(tool, track_id) == site.expected_track(track_id)


@pytest.mark.usefixtures("changing")
def test_a_replaced_map_is_extracted_again_from_a_replay_on_it(downloaded: Tool, site: RunningSite) -> None:
    downloaded(*EXTRACT)
    track_id = site.track_ids()[0]
    old = _map(downloaded, track_id)
    site.update_track(track_id)
    (new, *_) = site.add_replays(track_id, 1)
    downloaded("sync-tracks", "--refresh")
    downloaded("work", "--kind", "list", "--kind", "download")
    downloaded(*EXTRACT)
    row = downloaded.rows("select * from maps where track_id = ?", track_id)[0]
    assert (row["from_replay_id"], row["uid_matches"]) == (new, 1)
    assert _map(downloaded, track_id) != old


@pytest.mark.usefixtures("changing")
def test_a_map_extracted_before_the_replays_on_the_new_one_are_downloaded_is_extracted_again(
    downloaded: Tool, site: RunningSite
) -> None:
    downloaded(*EXTRACT)
    track_id = site.track_ids()[0]
    site.update_track(track_id)
    (new, *_) = site.add_replays(track_id, 1)
    downloaded("sync-tracks", "--refresh")
    downloaded(*EXTRACT)
    old_map = "select uid_matches, status from maps where track_id = ?"
    assert downloaded.rows(old_map, track_id) == [{"uid_matches": 0, "status": "done"}]
    downloaded("work", "--kind", "list")
    names = "replay_id, track_id, settings, status, error_code, error, finished_at, priority, attempts"
    failed = "replay_id, track_id, '{}', 'failed', 'capture.other_map', 'x', 'x', 0, 1"
    downloaded.change(f"insert into captures ({names}) select {failed} from replays where track_id = ?", track_id)
    downloaded("work", "--kind", "download", "--kind", "extract")
    row = downloaded.rows("select * from maps where track_id = ?", track_id)[0]
    assert (row["from_replay_id"], row["uid_matches"]) == (new, 1)
    assert _map(downloaded, track_id) == _slice(downloaded, new)
    assert downloaded.column("select replay_id from captures where status = 'pending'") == [new]


def test_a_replay_downloaded_while_the_map_is_extracted_from_an_older_one_is_used(
    downloaded: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_id, sync = site.track_ids()[0], publishing._sync
    last = downloaded.one("select max(replay_id) from replays where track_id = ?", track_id)
    downloaded.change("update tracks set uid = 'newer' where track_id = ?", track_id)
    downloaded.change("update replays set map_uid_matches = 0 where track_id = ?", track_id)

    def downloaded_meanwhile(files: Sequence[NewFile]) -> publishing.Results:
        downloaded.change("update replays set map_uid_matches = 1 where replay_id = ?", last)
        return sync(files)

    monkeypatch.setattr(publishing, "_sync", downloaded_meanwhile)
    downloaded(*EXTRACT)
    row = downloaded.rows("select status, from_replay_id, uid_matches from maps where track_id = ?", track_id)[0]
    assert row == {"status": "done", "from_replay_id": last, "uid_matches": 0}  # and not a third time


def test_a_map_that_was_found_nowhere_is_looked_for_in_the_next_replay(downloaded: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    best, *others = downloaded.column("select replay_id from replays where track_id = ? order by position", track_id)
    for replay_id in (best, *others):
        _spoil(downloaded, replay_id)
    site.set_faults(["404:100%:on=track"])
    downloaded(*EXTRACT)
    assert downloaded.one("select error_code from maps where track_id = ?", track_id) == "tmx.gone"
    downloaded("verify", "--hash", "--repair", ends=None)
    downloaded("work", "--kind", "download", "--kind", "extract")
    assert downloaded.rows("select status, from_replay_id from maps where track_id = ?", track_id) == [
        {"status": "done", "from_replay_id": best}
    ]


def test_verify_finds_a_map_that_its_track_no_longer_has(downloaded: Tool, site: RunningSite) -> None:
    downloaded(*EXTRACT)
    track_id = site.track_ids()[0]
    downloaded.change("update maps set uid_matches = 0 where track_id = ?", track_id)
    ran = downloaded("verify", ends=3)
    assert f"outdated: map {track_id}" in ran.out
    downloaded("verify", "--repair")
    downloaded(*EXTRACT)
    assert downloaded.one("select uid_matches from maps where track_id = ?", track_id) == 1
    assert "All is well." in downloaded("verify").err


@pytest.mark.usefixtures("changing")
def test_verify_accepts_an_older_map_as_long_as_no_replay_has_the_newer_one(
    downloaded: Tool, site: RunningSite
) -> None:
    downloaded(*EXTRACT)
    site.update_track(site.track_ids()[0])
    downloaded("sync-tracks", "--refresh")
    downloaded(*EXTRACT)
    assert downloaded.one("select count(*) from maps where uid_matches = 0") == 1
    assert "All is well." in downloaded("verify").err
