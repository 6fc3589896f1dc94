"""From a capture request to frames on disk, with the command line, real sockets and the sandbox's games."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.captures.captures import World, tree
from tests.ports import free_ports
from tests.tool import Tool, lengthen_capture_waits, until
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.manifest import MANIFEST, schema
from tmxdb.capture.race.commands import StoreFrame
from tmxdb.capture.race.outcome import FailedRace


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    lengthen_capture_waits(monkeypatch)
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


def test_two_games_capture_several_replays_and_tracks(world: World) -> None:
    """No frame is missing or stored twice, and each shows what its name and entry say."""
    world.fill(tracks=3, replays=2)
    users = world.autosaves / "Ann_Map 1.Replay.gbx"
    users.write_bytes(b"the user's own run")
    before = tree(world.user)
    world.tool("add-captures", "--fps", "50")
    with world.games(2) as games:
        ran = world.tool(*world.work(games), "--no-progress")
        loaded = [row["file"] for game in games for row in game.log() if row["event"] == "map"]
    assert "6 done" in ran.err
    rows = world.captures()
    assert [row["status"] for row in rows] == ["done"] * 6
    assert sum(world.check_folder(row) for row in rows) == 3 * (61 + 64)
    assert all((row["race_finished"], row["time_matches"], row["frames_missed"]) == (1, 1, 0) for row in rows)
    assert len(loaded) == 3
    assert tree(world.user) == before
    assert list(world.scripts.iterdir()) == []


def test_a_game_with_tmxdbs_plugin_tells_the_camera_and_the_parts_of_the_car(world: World) -> None:
    world.fill(tracks=1, replays=2)
    world.tool("add-captures", "--fps", "20")
    with world.games(plugin="tmxdb_link", script_frames=4) as games:
        world.tool(*world.work(games))
        loaded = [row["file"] for row in games[0].log() if row["event"] == "script"]
    assert set(loaded) == {None}  # from texts, not from files
    for row in world.captures():
        world.check_folder(row)
        entries = json.loads((world.data / row["folder_path"] / "manifest.json").read_bytes())
        Draft202012Validator(schema(MANIFEST)).validate(entries)
        for entry in entries:
            x, y, z = entry["state"]["position"]
            assert entry["camera"]["position"] == pytest.approx([x, y + 2, z], abs=0.001)
            assert entry["car"]["gear"] == entry["state"]["gear"]
            assert entry["car"]["wheels"][0]["on_ground"] is True


def test_a_complete_capture_is_adopted_without_a_game(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    with world.games() as games:
        world.tool(*world.work(games))
        work = world.work(games)
    first = world.captures()[0]
    world.tool("retry", "--kind", "capture", "--status", "done")
    world.tool(*work)
    again = world.captures()[0]
    assert again["status"] == "done"
    assert again["folder_path"] == first["folder_path"]
    assert again["frame_count"] == first["frame_count"]


def test_a_limit_of_attempts_counts_only_failures_of_its_own_cause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A map may fail to start twice in a row; failures of other causes in between do not count."""
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    codes = ["game.gone", "capture.map_did_not_start", "game.silent", "capture.map_did_not_start"]
    drive = GameInstance.drive

    def failing_drive(game: GameInstance, *arguments: Any) -> Any:
        return FailedRace(codes.pop(0), "on purpose") if codes else drive(game, *arguments)

    monkeypatch.setattr(GameInstance, "drive", failing_drive)
    with world.games() as games:
        world.tool(*world.work(games), "--no-progress")
    row = world.captures()[0]
    assert (codes, row["status"], row["attempts"]) == ([], "done", 5)


def test_the_time_of_a_frame_is_taken_when_its_picture_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken by the thread that encodes pictures, which may be seconds behind."""
    threads: list[str] = []

    def clock() -> int:
        threads.append(threading.current_thread().name)
        return 1_800_000_000_000 + 1000 * len(threads)

    monkeypatch.setattr("tmxdb.kinds.captures.capture.wall_clock", clock)
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    with world.games() as games:
        world.tool(*world.work(games), "--no-progress")
    entries = json.loads((world.data / world.captures()[0]["folder_path"] / "manifest.json").read_bytes())
    times = [entry["capture_timestamp_utc"] for entry in entries]
    assert times == sorted(set(times))
    assert times[0] == "2027-01-15T08:00:01.000Z"
    assert len(threads) == len(entries) + 1
    assert "encoder" not in threads


@pytest.fixture
def minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The game sends black pictures, as that of a minimised window may."""
    store = Encoder.store

    def store_black(encoder: Encoder, frame: StoreFrame) -> None:
        pixels = bytes(len(frame.frame.pixels))
        store(encoder, replace(frame, frame=replace(frame.frame, pixels=pixels)))

    monkeypatch.setattr(Encoder, "store", store_black)


@pytest.mark.usefixtures("minimised")
def test_black_pictures_are_kept_counted_and_reported(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    with world.games() as games:
        ran = world.tool(*world.work(games), "--no-progress")
    row = world.captures()[0]
    assert row["status"] == "done"
    metadata = json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes())
    assert (metadata["frames_black"], metadata["frames_frozen"]) == (13, 0)
    assert "13 of 13 frames are black. Keep the game's window visible" in ran.err


@pytest.mark.usefixtures("minimised")
def test_black_pictures_fail_a_capture_with_strict(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    with world.games() as games:
        world.tool(*world.work(games), "--strict", "--max-attempts", "1", ends=3)
    row = world.captures()[0]
    assert (row["status"], row["error_code"]) == ("failed", "game.bad_pictures")
    assert not list((world.data / "frames").glob("[0-9]*"))


def test_the_same_replay_under_other_settings_has_a_folder_of_its_own(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures", "--fps", "10")
    world.tool("add-captures", "--fps", "20", "--color", "gray", "--per-frame-json")
    with world.games() as games:
        world.tool(*world.work(games))
    paths = [row["folder_path"] for row in world.captures()]
    assert paths[0] == "frames/1/100_ann_1200ms"
    assert paths[1].startswith("frames/1/100_ann_1200ms-")
    names = {path.suffix for path in (world.data / paths[1]).iterdir()}
    assert names == {".jpeg", ".json", ".parquet"}


def test_replays_whose_files_have_the_same_name_have_folders_of_their_own(world: World) -> None:
    """Files that were adopted in place may be in two folders. Earlier versions gave both captures one folder."""
    world.fill(tracks=1, replays=2)
    for replay_id, path in ((100, "replays/1/a/A01.Replay.Gbx"), (101, "replays/1/b/A01.Replay.Gbx")):
        (file,) = world.data.glob(f"replays/1/{replay_id}_*")
        (world.data / path).parent.mkdir()
        file.rename(world.data / path)
        world.tool.change("update replays set file_path = ? where replay_id = ?", path, replay_id)
    world.tool("add-captures", "--fps", "10")
    with world.games() as games:
        world.tool(*world.work(games))
        for shared in (False, True):
            rows = world.captures()
            found = [json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes()) for row in rows]
            assert [facts["replay_id"] for facts in found] == [row["replay_id"] for row in rows] == [100, 101]
            assert world.tool("verify").err.count("All is well.") == 1
            if not shared:
                world.tool.change("update captures set folder_path = 'frames/1/A01-100' where replay_id = 101")
                assert "contains the frames of replay 100" in world.tool("verify", "--repair").out
                world.tool(*world.work(games))


def test_an_offset_of_the_inputs_is_seen_in_the_inputs_of_the_frames(world: World) -> None:
    """The left turn begins at 510 ms; with an offset of 40 ms it begins at 550 ms, and the game reports it there."""
    world.fill(tracks=1, replays=1)
    for offset_ms in (0, 40, -40):
        world.tool("add-captures", "--fps", "100", "--input-time-offset-ms", offset_ms)
    with world.games() as games:
        world.tool(*world.work(games), "--no-progress")
    turns = {}
    for row in world.captures():
        folder = world.data / row["folder_path"]
        metadata = json.loads((folder / "metadata.json").read_bytes())
        entries = json.loads((folder / "manifest.json").read_bytes())
        assert metadata["inputs_match"] is True
        assert metadata["actual_race_time_ms"] == 1200 + metadata["settings"]["input_time_offset_ms"]
        turn_ms = next(entry["time_ms"] for entry in entries if entry["inputs"]["left"])
        turns[metadata["settings"]["input_time_offset_ms"]] = turn_ms
    assert turns == {0: 510, 40: 550, -40: 470}


def test_run_starts_no_captures_unless_requested(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    world.tool("run", "--no-wait", "--site", "http://127.0.0.1:9", ends=None)
    assert world.captures()[0]["status"] == "pending"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update captures set settings = '{}x'", "capture.settings"),
        ("update replays set map_uid = 'other'", "capture.other_map"),
    ],
)
def test_a_row_that_can_never_be_captured_fails_alone(world: World, change: str, code: str) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    world.tool.change(f"{change} where replay_id = 100")
    with world.games() as games:
        world.tool(*world.work(games), ends=3)
    assert [(row["status"], row["error_code"]) for row in world.captures()] == [("failed", code), ("done", None)]


def test_the_ghost_is_given_to_the_game_and_the_users_own_replay_restored(world: World) -> None:
    world.fill(tracks=1, replays=1)
    users = world.autosaves / "Ann_Map 1.Replay.gbx"
    users.write_bytes(b"the user's own run")
    world.tool("add-captures", "--drive", "ghost")
    with world.games(user="Ann") as games:
        world.tool(*world.work(games))
        ghosts = [row["ghosts"] for row in games[0].log() if row["event"] == "map"]
    row = world.captures()[0]
    assert (row["status"], row["time_matches"], row["frame_count"]) == ("done", None, 13)
    assert len(ghosts[0]) == 1
    assert tree(world.autosaves) == {users.name: b"the user's own run"}


@pytest.mark.slow
def test_the_demo_ends_with_frames_and_a_contact_sheet(tool: Tool) -> None:
    tool("demo", "--capture", "--tracks", "12", "--folder", "shown")
    folder = tool.folder / "shown"
    rows = tool.rows("select * from captures", db="shown/tmx.db")
    assert len(rows) == 4
    assert all((row["status"], row["time_matches"]) == ("done", 1) for row in rows)
    assert len(list((folder / rows[0]["folder_path"].replace("frames/", "data/frames/")).glob("*.jpeg"))) > 50
    assert len(list(folder.glob("*-frames.png"))) == 1


def test_one_game_is_used_by_default(world: World) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    with world.games(1) as games:
        work = world.work(games)
        at = work.index("--n")
        world.tool(*work[:at], *work[at + 2 :], "--no-wait")
        assert games[0].is_alive
    assert [row["status"] for row in world.captures()] == ["done", "done"]


def test_all_maps_are_copied_before_a_game_starts(world: World) -> None:
    """The game is started by hand while the worker waits."""
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    port = free_ports(1)
    words = ["work", "--kind", "capture", "--n", "1", "--base-tmi-port", str(port), "--trackmania-path",
             str(world.user), "--game-user", "Ann"]  # fmt: skip
    maps = world.user / "Tracks" / "Challenges" / "tmxdb"
    with world.tool.started(*words) as worker:
        until(lambda: len(list(maps.glob("*.Challenge.Gbx"))) == 2)
        with world.games(port=port, sees_later_files=False):
            assert worker.wait(300) == 0
    assert [row["status"] for row in world.captures()] == ["done", "done"]
