"""From a wish to frames on disk, with the command line, real sockets and the sandbox's games."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..tool import Tool, until
from .captures import World, free_ports, tree


@pytest.fixture
def world(tool: Tool, sqlite_template: Path) -> World:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


def test_frames_of_several_replays_and_tracks_with_two_games(world: World) -> None:
    """None is missing, none is double, and each is what its name and its entry say."""
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


def test_a_capture_that_is_there_already_is_adopted_without_a_game(world: World) -> None:
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
    assert names == {".jpeg", ".json"}


def test_run_starts_no_captures_unless_asked(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    world.tool("run", "--no-wait", "--site", "http://127.0.0.1:9", ends=None)
    assert world.captures()[0]["status"] == "pending"


def test_without_a_game_rows_wait_uncharged_and_say_what_to_do(world: World) -> None:
    world.fill(tracks=1, replays=1)
    world.tool("add-captures")
    with world.games() as games:
        work = world.work(games)
    import tmxdb.capture.assumptions as assumed

    patience = pytest.MonkeyPatch()
    patience.setattr(assumed, "CONNECT_S", 0.1)
    try:
        world.tool(*work, "--no-wait")
    finally:
        patience.undo()
    row = world.captures()[0]
    assert (row["status"], row["error_code"], row["attempts"]) == ("retry", "game.unreachable", 0)
    assert "tmxdb game check" in row["error"]


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


def test_the_ghost_is_lent_to_the_game_and_the_users_own_replay_given_back(world: World) -> None:
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
def test_the_demo_ends_with_frames_and_a_picture_of_them(tool: Tool) -> None:
    tool("demo", "--capture", "--tracks", "12", "--folder", "shown")
    folder = tool.folder / "shown"
    rows = tool.rows("select * from captures", db="shown/tmx.db")
    assert len(rows) == 4
    assert all((row["status"], row["time_matches"]) == ("done", 1) for row in rows)
    assert len(list((folder / rows[0]["folder_path"].replace("frames/", "data/frames/")).glob("*.jpeg"))) > 50
    assert len(list(folder.glob("*-frames.png"))) == 1


def test_without_a_number_one_game_is_used(world: World) -> None:
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    with world.games(1) as games:
        work = world.work(games)
        at = work.index("--n")
        world.tool(*work[:at], *work[at + 2 :], "--no-wait")
        assert games[0].is_alive
    assert [row["status"] for row in world.captures()] == ["done", "done"]


def test_a_game_that_knows_only_the_maps_of_its_start_is_given_them_all_before(world: World) -> None:
    """Nobody starts it for us: it is started by hand while the worker waits."""
    world.fill(tracks=2, replays=1)
    world.tool("add-captures")
    port = free_ports(1)
    words = ["work", "--kind", "capture", "--n", "1", "--base-tmi-port", str(port), "--trackmania-path",
             str(world.user), "--game-user", "Ann"]  # fmt: skip
    maps = world.user / "Tracks" / "Challenges" / "tmxdb"
    with world.tool.started(*words) as worker:
        until(lambda: len(list(maps.glob("*.Challenge.Gbx"))) == 2)
        with world.games(port=port, sees_later_files=False):
            assert worker.wait(60) == 0
    assert [row["status"] for row in world.captures()] == ["done", "done"]
