"""`tmxdb game calibrate` on the sandbox's game, and the labels of captures after it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.captures.captures import World
from tests.processes import needs_ctrl_c
from tests.sandbox.game.conftest import events
from tests.tool import Tool, lengthen_capture_waits, tool, until
from tmxdb.capture.calibration.matching import BLOCK_TICKS
from tmxdb.capture.games.calibration_store import FILE
from tmxdb.game.plugin import SCRIPT

__all__ = ["tool"]


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return two tracks with a replay each, and measure two blocks of ticks only."""
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    lengthen_capture_waits(monkeypatch)
    monkeypatch.setattr("tmxdb.capture.calibration.drives.HOLD_S", 0.3)  # the game also renders on a busy machine
    monkeypatch.setattr("tmxdb.capture.calibration.calibrate.BLOCKS", 2)
    world = World(tool)
    world.fill(tracks=2, replays=1)
    return world


def calibration(world: World, port: int, *words: object) -> list[object]:
    return ["game", "calibrate", "--replay-id", 100, "--base-tmi-port", port, "--trackmania-path", world.user, *words]


@pytest.mark.parametrize(("lag", "jitter"), [(0, 0.0), (1, 0.0), (2, 0.0), (0, 0.2), (2, 0.2)])
def test_the_lag_of_the_game_is_found(world: World, lag: int, jitter: float) -> None:
    changes = {"picture_lag_ticks": lag, "picture_jitter": jitter, "picture_code": False}
    with world.games(**changes) as games:
        found = world.tool(*calibration(world, games[0].port, "--json")).json
    assert (found["lag_ticks"], found["method"], found["problem"]) == (lag, "held", None)
    assert found["confidence"] > 0.5
    assert json.loads((world.user / FILE).read_text())["calibrations"][0]["lag_ticks"] == lag


def test_pictures_that_the_game_renders_on_request_find_the_same_lag(world: World) -> None:
    """The game is neither stopped nor connected to again."""
    with world.games(picture_lag_ticks=2, picture_code=False, plugin="tmxdb_link") as games:
        found = world.tool(*calibration(world, games[0].port, "--json", "--method", "rendered")).json
        assert len(events(games[0], "connect")) == 3  # those before only look for the game and for what it can do
    assert (found["lag_ticks"], found["method"], found["problem"]) == (2, "rendered", None)


def test_a_plugin_that_cannot_render_on_request_is_one_sentence(world: World) -> None:
    with world.games() as games:
        ran = world.tool(*calibration(world, games[0].port, "--method", "rendered"), ends=1)
        assert len(events(games[0], "connect")) == 2  # nothing was driven
    assert ran.error == (
        "Error: the plugin of the game does not render pictures on request. Calibrate with `--method held`, or run"
        " `tmxdb game install-plugin` and restart the game."
    )


@pytest.mark.parametrize("plugin", ["python_link", "tmxdb_link"])
def test_labels_follow_the_measured_lag(world: World, plugin: str) -> None:
    """Every picture of the capture shows the tick of its label, with the inputs and the state of that tick."""
    world.tool("add-captures", "--fps", 100, "--track-id", 1)
    with world.games(picture_lag_ticks=2, picture_code=False, plugin=plugin) as games:
        world.tool(*calibration(world, games[0].port))
    with world.games(picture_lag_ticks=2, plugin=plugin) as games:
        ran = world.tool(*world.work(games), "--no-progress")
    row = world.captures()[0]
    assert world.check_folder(row) == 121
    metadata = json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes())
    assert (metadata["picture_lag_ticks"], metadata["picture_lag_method"]) == (2, "held")
    assert 0 < metadata["picture_lag_confidence"] <= 1
    if plugin == "tmxdb_link":
        for entry in json.loads((world.data / row["folder_path"] / "manifest.json").read_bytes()):
            x, y, z = entry["state"]["position"]
            assert entry["camera"]["position"] == pytest.approx([x, y + 2, z], abs=0.001)
    assert "was not measured" not in ran.err


def test_without_a_calibration_the_metadata_says_so_and_work_warns_once(world: World) -> None:
    world.tool("add-captures", "--width", 80)
    with world.games() as games:
        ran = world.tool(*world.work(games), "--no-progress")
    for row in world.captures():
        metadata = json.loads((world.data / row["folder_path"] / "metadata.json").read_bytes())
        assert (metadata["picture_lag_ticks"], metadata["picture_lag_method"]) == (0, "assumed")
        assert metadata["picture_lag_confidence"] is None
    assert len(world.captures()) == 2
    assert ran.err.count("run `tmxdb game calibrate --width 80 --height 64`") == 1


def test_an_uncertain_lag_is_not_stored(world: World) -> None:
    with world.games(picture_jitter=0.5, picture_code=False) as games:
        ran = world.tool(*calibration(world, games[0].port), ends=1)
    assert "Not stored: the lag changes from picture to picture" in ran.err
    assert not (world.user / FILE).exists()


def test_a_doubtful_lag_is_stored_and_said_and_captures_with_it_warn_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.capture.calibration.matching.CERTAIN", 1.1)
    world.tool("add-captures", "--width", 64)
    with world.games(picture_code=False) as games:
        ran = world.tool(*calibration(world, games[0].port))
        assert ran.err.count("The result is doubtful, because ") == 1
        assert "measure again before you capture. Try " in ran.err
        stored = json.loads((world.user / FILE).read_text())
        stored["calibrations"][0]["confidence"] = 0.3
        (world.user / FILE).write_text(json.dumps(stored))
    with world.games() as games:
        ran = world.tool(*world.work(games), "--no-progress")
    assert len(world.captures()) == 2
    warning = (
        "was measured with a confidence of only 0.3; labels may be a tick off. To measure it again, run `tmxdb game"
    )
    assert ran.err.count(warning) == 1


def test_the_race_stands_still_while_its_pictures_are_taken(world: World) -> None:
    """Each hold is a connection of its own, and the race goes on from the tick where it was stopped."""
    with world.games(picture_code=False) as games:
        world.tool(*calibration(world, games[0].port))
        steps, connections = events(games[0], "step"), events(games[0], "connect")
    times = [row["race_time_ms"] for row in steps]
    held_drive = [time_ms for time_ms in times[len(times) - 1 - times[::-1].index(0) :] if time_ms >= 0]
    assert held_drive == list(range(0, max(held_drive) + 10, 10))
    assert len(connections) == 2 + 2 * BLOCK_TICKS  # the first one only looks whether the game is running


def test_a_replay_that_cannot_be_used_is_one_sentence(world: World, tmp_path: Path) -> None:
    port = 9
    other = tmp_path / "no.Replay.Gbx"
    ran = world.tool("game", "calibrate", "--replay", other, "--trackmania-path", world.user, ends=1)
    assert "No such file" in ran.error
    other.write_bytes(b"nonsense")
    world.tool("game", "calibrate", "--replay", other, "--trackmania-path", world.user, ends=1)
    ran = world.tool("game", "calibrate", "--replay-id", 5, "--trackmania-path", world.user, ends=1)
    assert "replay 5 is not downloaded" in ran.error
    ran = world.tool("game", "calibrate", "--trackmania-path", world.user, "--base-tmi-port", port, ends=1)
    assert "no downloaded replay of 5 to 120 s" in ran.error


@needs_ctrl_c
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("words", [["calibrate"], ["check", "--drive"]], ids=" ".join)
def test_the_users_replays_are_put_back_when_the_command_is_ended(world: World, words: list[str], name: str) -> None:
    plugins = world.user.parent / "TMInterface" / "Plugins"
    plugins.mkdir()
    (plugins / SCRIPT.name).write_bytes(SCRIPT.read_bytes())  # `game check` drives only if everything is there
    own = world.autosaves / "Bob_Map 1.Replay.gbx"
    own.write_bytes(b"Bob's own")
    with world.games(pace=1.0) as games:
        options = ["--replay-id", 100, "--base-tmi-port", games[0].port, "--trackmania-path", world.user]
        with world.tool.started("game", *words, *options) as process:
            until(lambda: not own.exists() or process.poll() is not None)
            process.send_signal(getattr(signal, name))
            _, err = process.communicate(timeout=300)
    assert (process.returncode, err.splitlines()[-1]) == (130, "Interrupted.")
    assert [path.name for path in world.autosaves.iterdir()] == [own.name]
    assert own.read_bytes() == b"Bob's own"
