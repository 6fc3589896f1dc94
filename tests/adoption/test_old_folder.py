"""A folder of the older scripts is adopted, and `run` then downloads only what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.adoption.conftest import NEGATIVE, REPLAYS, OldFolder
from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files_requested(site: RunningSite) -> list[int]:
    paths = [entry["path"] for entry in site.log() if entry["path"].startswith("/recordgbx/")]
    return [int(path.rpartition("/")[2]) for path in paths]


def test_adopt_recognises_every_file_and_run_downloads_only_what_is_missing(
    tool: Tool, site: RunningSite, old: OldFolder
) -> None:
    before = contents(old.root)
    found = tool("--site", site.url, "adopt", old.replays, "--json", ends=3).json
    assert {name: found[name] for name in ("matched", "unknown", "damaged", "duplicate")} == {
        "matched": 26,
        "unknown": 20,
        "damaged": 10,
        "duplicate": 5,
    }
    assert (found["tracks"], found["local_tracks"], found["local_replays"]) == (3, 4, 20)
    assert contents(old.root) == before
    assert set(tool.column("select replay_id from replays where replay_id > 0 and status = 'done'")) == old.good
    assert files_requested(site) == []
    lists = [entry for entry in site.log() if entry["path"].startswith("/api/replays")]
    assert len(lists) == 3  # each leaderboard once

    site.clear_log()
    tool("run", "--all-replays")
    assert sorted(files_requested(site)) == sorted(old.cut)
    assert [entry["path"] for entry in site.log() if NEGATIVE.search(entry["path"])] == []
    assert tool.one("select count(*) from replays where replay_id > 0 and status = 'done'") == 3 * REPLAYS
    assert tool.one("select count(*) from maps where status = 'done'") == 3 + 4
    tool("verify", "--hash")
    for row in tool.rows("select replay_id, file_path from replays where replay_id > 0"):
        assert (tool.folder / "data" / row["file_path"]).read_bytes() == site.expected_replay(row["replay_id"])


def test_a_second_run_reads_and_asks_nothing_again_and_reports_the_same(
    tool: Tool, site: RunningSite, old: OldFolder
) -> None:
    first = tool("--site", site.url, "adopt", old.replays, "--json", ends=3).json
    rows = tool.rows("select * from replays order by replay_id")
    site.clear_log()
    second = tool("adopt", old.replays, "--json", ends=3).json
    assert site.log() == []
    for name in ("matched", "unknown", "damaged", "duplicate", "files"):
        assert second[name] == first[name]
    assert second["earlier"] == 51
    assert (second["replays"], second["tracks"]) == (0, 0)
    assert tool.rows("select * from replays order by replay_id") == rows


def test_a_dry_run_reads_everything_and_changes_and_sends_nothing(
    tool: Tool, site: RunningSite, old: OldFolder
) -> None:
    found = tool("--site", site.url, "adopt", old.replays, "--dry-run", "--json", ends=3).json
    assert (found["damaged"], found["duplicate"], found["undecided"]) == (10, 5, 46)
    assert site.log() == []
    assert tool.files() == set()


@pytest.mark.parametrize("is_named_after_tracks", [True, False])
def test_a_dry_run_says_how_many_requests_the_run_sends(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch, is_named_after_tracks: bool
) -> None:
    monkeypatch.setattr("tmxdb.adoption.adopt.CHUNK", 7)
    for track_id in site.track_ids():
        folder = tool.folder / "old" / str(track_id if is_named_after_tracks else "all")
        folder.mkdir(parents=True, exist_ok=True)
        for n, row in enumerate(site.leaderboard(track_id)[:5]):
            (folder / f"{track_id} {n}.replay.gbx").write_bytes(site.expected_replay(row["replay_id"]))
    planned = tool("--site", site.url, "adopt", "old", "--dry-run", "--json").json["requests"]
    assert tool("--site", site.url, "adopt", "old", "--json").json["matched"] == 40
    check = 1  # that this is an exchange
    assert site.stats()["requests"] == check + planned


def test_what_the_older_scripts_skipped_for_good_is_named(tool: Tool, site: RunningSite, old: OldFolder) -> None:
    ran = tool("--site", site.url, "adopt", old.replays, "--json", ends=3)
    skipped = site.track_ids()[3:5]
    assert ran.json["older_scripts"] == {"passed": 5, "skipped": skipped}
    assert f"2 tracks of these have no file and would never have been fetched: {skipped[0]}, {skipped[1]}." in ran.err


def test_links_share_the_bytes_and_in_place_leaves_the_files_where_they_are(
    tool: Tool, site: RunningSite, old: OldFolder
) -> None:
    tool("--site", site.url, "--db", "linked.db", "--data", "linked", "adopt", old.replays, "--link", ends=3)
    inodes = {path.stat().st_ino for path in old.replays.rglob("*") if path.is_file()}
    linked = list((tool.folder / "linked" / "replays").rglob("*.Gbx"))
    assert len(linked) == 46
    assert {path.stat().st_ino for path in linked} <= inodes

    tool("--site", site.url, "--db", "there.db", "--data", "there", "adopt", old.replays, "--in-place", ends=3)
    assert list((tool.folder / "there").rglob("*.Gbx")) == []
    assert tool.one("select count(*) from replays where file_path like ?", f"{old.replays.as_posix()}/%", db="there.db") == 46  # fmt: skip  # noqa: E501
    tool("--db", "there.db", "--data", "there", "verify", "--hash")
    shutil.rmtree(old.replays)
    ran = tool("--db", "there.db", "--data", "there", "verify", "--json", ends=None)
    assert ran.status != 0
