"""What an earlier adoption left undone or has lost since is adopted again, and keeps its ids."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adoption.conftest import private_replay
from tests.adoption.test_interrupted import STOPS
from tests.tool import Tool
from tmxdb.adoption.placing import place as place_file
from tmxdb.errors import InvalidInput
from tmxdb_sandbox import RunningSite

IN_PLACE, COPY, LINK = "--in-place", "--copy", "--link"


@pytest.fixture
def mine(tool: Tool) -> Path:
    """Six runs of two drivers on two maps that no exchange has."""
    folder = tool.folder / "mine"
    folder.mkdir()
    for n in range(6):
        data = private_replay(n, on_map=n % 2, time_ms=20_000 + 100 * n, login="ab"[n % 2])
        (folder / f"drive {n}.Replay.Gbx").write_bytes(data)
    return folder


def board(tool: Tool) -> list[tuple[int, int, int]]:
    rows = tool.rows("select track_id, replay_id, rank from leaderboard order by 1, 2")
    return [(row["track_id"], row["replay_id"], row["rank"]) for row in rows]


def test_an_adoption_that_stops_early_has_ranked_what_it_adopted(
    tool: Tool, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_the_last(storage, found, *rest, **named):  # type: ignore[no-untyped-def]
        if "drive 5" in found.candidate.path:
            raise InvalidInput("stopped", code="input.adopt")
        return place_file(storage, found, *rest, **named)

    monkeypatch.setattr("tmxdb.adoption.adopt.CHUNK", 2)
    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.adoption.adopt.place", stop_at_the_last)
        tool("adopt", mine, "--no-lookup", ends=1)
    assert len(board(tool)) == 2
    tool("adopt", mine, "--no-lookup")
    assert len(board(tool)) == 2
    assert tool.column("select listed_count from tracks order by 1") == [3, 3]


def test_local_tracks_that_were_never_ranked_are_ranked_by_the_next_adoption(tool: Tool, mine: Path) -> None:
    tool("adopt", mine, "--no-lookup")
    before = board(tool)
    tool.change("update replays set position = null, is_best = null")
    tool.change("update tracks set listed_count = null")
    tool("adopt", mine, "--no-lookup")
    assert board(tool) == before


@pytest.mark.parametrize("repair", [True, False])
@pytest.mark.parametrize("placement", [COPY, LINK])
def test_files_lost_from_the_data_folder_are_adopted_again(
    tool: Tool, mine: Path, placement: str, repair: bool
) -> None:
    tool("adopt", mine, "--no-lookup", placement)
    rows = tool.rows("select replay_id, file_path, sha256 from replays order by 1")
    for row in rows[:3]:
        (tool.folder / "data" / row["file_path"]).unlink()
    if repair:
        tool("verify", "--repair", ends=None)
    found = tool("adopt", mine, "--no-lookup", placement, "--json").json
    assert (found["unknown"], found["duplicate"], found["replays"]) == (6, 0, 3)
    assert tool.rows("select replay_id, file_path, sha256 from replays where status = 'done' order by 1") == rows
    tool("verify", "--hash")


def test_files_of_the_site_that_were_lost_are_adopted_and_not_downloaded(tool: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    folder = tool.folder / "old" / str(track_id)
    folder.mkdir(parents=True)
    for row in site.leaderboard(track_id)[:4]:
        (folder / f"{row['replay_id']}.replay.gbx").write_bytes(site.expected_replay(row["replay_id"]))
    tool("--site", site.url, "adopt", "old")
    shutil.rmtree(tool.folder / "data" / "replays" / str(track_id))
    tool("verify", "--repair", ends=None)
    found = tool("--site", site.url, "adopt", "old", "--json").json
    assert (found["matched"], found["replays"]) == (4, 4)
    assert tool.one("select count(*) from replays where status = 'pending' and file_path is not null") == 0
    tool("verify", "--hash")


def test_a_folder_adopted_in_place_may_be_renamed_and_adopted_again(tool: Tool, mine: Path) -> None:
    tool("adopt", mine, "--no-lookup", IN_PLACE)
    before = tool.rows("select replay_id, sha256 from replays order by 1")
    moved = mine.rename(mine.with_name("moved"))
    found = tool("adopt", moved, "--no-lookup", IN_PLACE, "--json").json
    assert (found["unknown"], found["duplicate"]) == (6, 0)
    assert tool.rows("select replay_id, sha256 from replays order by 1") == before
    assert {Path(path).parent for path in tool.column("select file_path from replays")} == {moved}
    tool("verify", "--hash")
    again = tool("adopt", moved, "--no-lookup", IN_PLACE, "--json").json
    assert (again["unknown"], again["replays"]) == (6, 0)


def test_a_lost_replay_that_was_skipped_by_hand_stays_skipped(tool: Tool, mine: Path) -> None:
    tool("adopt", mine, "--no-lookup")
    path = tool.one("select file_path from replays where replay_id = -2")
    (tool.folder / "data" / path).unlink()
    tool("verify", "--repair", ends=None)
    tool("skip", "--replay-id", "local2", "--reason", "spam")
    assert tool("adopt", mine, "--no-lookup", "--json").json["replays"] == 0
    assert tool.column("select replay_id from replays where status <> 'done'") == [-2]


def test_a_file_of_a_replay_that_was_skipped_by_hand_is_not_taken_over(
    tool: Tool, site: RunningSite, mine: Path
) -> None:
    tool("--site", site.url, "add-tracks", site.track_ids()[0])
    tool("work", "--kind", "list")
    replay_id = tool.one("select replay_id from replays where position = 0")
    (mine / "joke.Replay.Gbx").write_bytes(site.expected_replay(replay_id))
    tool("skip", "--replay-id", replay_id, "--reason", "a joke")
    assert tool("adopt", mine, "--no-lookup", "--json").json["replays"] == 6
    row = tool.rows("select status, error, file_path from replays where replay_id = ?", replay_id)
    assert row == [{"status": "skipped", "error": "a joke", "file_path": None}]
    assert not [path for path in tool.files() if f"{replay_id}_" in path]
    tool("retry", "--status", "skipped")
    assert tool("adopt", mine, "--no-lookup", "--json").json["replays"] == 1


def test_an_old_map_is_extracted_again_once_a_replay_on_the_current_one_is_adopted(
    tool: Tool, site: RunningSite, mine: Path
) -> None:
    tool("--site", site.url, "add-tracks", site.track_ids()[0])
    tool("run", "--top", "1")
    tool.change("update maps set uid_matches = 0")
    tool.change("update replays set map_uid_matches = 0")
    (second,) = [row["replay_id"] for row in site.leaderboard(site.track_ids()[0])][1:2]
    (mine / "second.Replay.Gbx").write_bytes(site.expected_replay(second))
    tool("adopt", mine)
    tool("work", "--kind", "extract")
    assert tool.rows("select from_replay_id, uid_matches from maps where track_id > 0") == [
        {"from_replay_id": second, "uid_matches": 1}
    ]


def test_maps_that_no_replay_had_are_extracted_once_it_is_back(tool: Tool, mine: Path) -> None:
    tool("adopt", mine, "--no-lookup", IN_PLACE)
    moved = mine.rename(mine.with_name("moved"))
    tool("run", ends=3)
    assert tool.column("select error_code from maps") == ["local.no_map"] * 2
    tool("adopt", moved, "--no-lookup", IN_PLACE)
    tool("run")
    assert tool.column("select status from maps") == ["done"] * 2


def test_a_copy_is_adopted_if_the_first_file_is_lost(tool: Tool, mine: Path) -> None:
    first = mine / "drive 0.Replay.Gbx"
    (mine / "same.Replay.Gbx").write_bytes(first.read_bytes())
    assert tool("adopt", mine, "--no-lookup", IN_PLACE, "--json").json["duplicate"] == 1
    first.unlink()
    found = tool("adopt", mine, "--no-lookup", IN_PLACE, "--json").json
    assert (found["unknown"], found["duplicate"]) == (6, 0)
    assert tool.one("select count(*) from replays") == 6
    tool("verify", "--hash")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_folder_renamed_after_a_kill_is_adopted_under_the_ids_that_were_reserved(tool: Tool, mine: Path) -> None:
    script = STOPS.format(module="adopt", function="place")
    words = [sys.executable, "-c", script, "0", "adopt", str(mine), "--no-lookup", "--processes", "1"]
    ran = subprocess.run(words, cwd=tool.folder, env=tool.environment(), capture_output=True, timeout=120, check=False)
    assert ran.returncode == -signal.SIGKILL
    found = tool("adopt", mine.rename(mine.with_name("moved")), "--no-lookup", "--json").json
    assert (found["unknown"], found["duplicate"], found["replays"]) == (6, 0, 6)
    assert tool.column("select replay_id from replays order by 1 desc") == [*range(-1, -7, -1)]
    tool("verify", "--hash")


@pytest.mark.parametrize("placement", [COPY, LINK, IN_PLACE])
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_file_that_changes_or_is_deleted_while_it_is_adopted_is_one_damaged_file(
    tool: Tool, mine: Path, monkeypatch: pytest.MonkeyPatch, placement: str, *, is_deleted: bool
) -> None:
    written = mine / "drive 3.Replay.Gbx"
    new = private_replay(33, on_map=1, time_ms=20_300, login="b")

    def change_first(storage, found, *rest, **named):  # type: ignore[no-untyped-def]
        if found.candidate.path == str(written):
            written.unlink() if is_deleted else written.write_bytes(new)
        return place_file(storage, found, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.adoption.adopt.place", change_first)
        found = tool("adopt", mine, "--no-lookup", placement, "--json", ends=3).json
    assert (found["unknown"], found["damaged"]) == (5, 1)
    assert [problem["reason"] for problem in found["problems"]] == [
        "the file was changed or deleted while it was adopted: adopt it again"
    ]
    tool("verify", "--hash")
    written.write_bytes(new)
    found = tool("adopt", mine, "--no-lookup", placement, "--json").json
    assert (found["unknown"], found["damaged"], found["replays"]) == (6, 0, 1)
    tool("verify", "--hash")


def test_the_file_with_the_id_in_its_name_is_the_replay_and_a_second_one_a_duplicate(
    tool: Tool, site: RunningSite
) -> None:
    track_id = site.track_ids()[0]
    folder = tool.folder / "old" / str(track_id)
    folder.mkdir(parents=True)
    replay_id = site.leaderboard(track_id)[0]["replay_id"]
    data = site.expected_replay(replay_id)
    (folder / "0.Replay.Gbx").write_bytes(data + b"0")
    (folder / f"{replay_id}_name.Replay.Gbx").write_bytes(data)
    (folder / f"{replay_id}_second.Replay.Gbx").write_bytes(data + b"2")
    for added in (1, 0):
        found = tool("--site", site.url, "adopt", "old", "--json").json
        assert (found["matched"], found["unknown"], found["duplicate"]) == (1, 1, 1)
        assert found["replays"] == 2 * added
    (folder / f"third {replay_id}.Replay.Gbx").write_bytes(data + b"3")
    assert tool("--site", site.url, "adopt", "old", "--json").json["duplicate"] == 2
    stored = tool.one(f"select file_path from replays where replay_id = {replay_id}")
    assert (tool.folder / "data" / stored).read_bytes() == data
    reasons = tool.column("select reason from adopted_files where outcome = 'duplicate'")
    assert set(reasons) == {f"a second file of replay {replay_id}: its name has the id"}


def test_nothing_is_adopted_into_a_data_folder_whose_disk_is_not_mounted(tool: Tool, mine: Path) -> None:
    tool("adopt", mine, "--no-lookup")
    data = tool.folder / "data"
    data.rename(data.with_name("unmounted"))
    data.mkdir()
    assert "Check that its disk is mounted" in tool("adopt", mine, "--no-lookup", ends=1).error
    assert list(data.rglob("*.Gbx")) == []
