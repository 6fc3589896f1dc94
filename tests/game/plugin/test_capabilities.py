"""TmxdbLink's own messages: the handshake, the state of the game, its map, and variants without some calls."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from tests.game.drivers.conformance import connected, next_step, until
from tests.game.plugin.conftest import Start
from tests.game.plugin.raw import STEP, RawClient
from tests.game.plugin.test_driver import PluginGame
from tmxdb.game import plugin
from tmxdb.game.capabilities import GameState, RunningMap
from tmxdb.game.driver import Frame
from tmxdb.game.plugin import OPTIONAL, script_text
from tmxdb.game.state import CarDetails, GameInput, WheelState
from tmxdb.game.tminterface2.messages import HELLO_REPLY

HELLO, GAME_STATE, MAP, FOCUS = 24, 25, 26, 27
MENUS = 22


def test_the_handshake_reports_version_and_capabilities(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet().send(HELLO)
        assert client.number() == HELLO_REPLY
        text = client.read(client.number()).decode()
        assert text == (
            f"version 3\ngame_state\nstate_events\nmap\nfocus\nprocess {host.pid}\n"
            "camera\ncar\nevents\nscript\nfolder\nrender\n"
        )


@pytest.mark.parametrize(
    ("command", "state"), [("startup", 16), ("menus", 32), ("intro", 512), ("race", 512), ("dialog", 1024)]
)
def test_the_state_of_the_game(start: Start, command: str, state: int) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        host.do(command)
        with RawClient(host.port) as second:  # in the start-up screens the greeting would wait
            if command == "startup":
                host.do("menus")
                state = 32
            second.greet().send(GAME_STATE)
            assert second.number() == state


def test_the_running_map(start: Start) -> None:
    host = start("race", "map abcUID My map")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        assert client.ask(MAP) == b"abcUID\nMy map"
        host.send("map")
        client.send(STEP)
        client.step()
        client.send(STEP)
        client.step()
        assert client.ask(MAP) == b"\n"


def test_the_window_gets_the_focus(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet().send(FOCUS, MENUS)
        client.number()
        host.wait_for_line("focus window")


def test_the_driver_uses_what_the_plugin_reports(start: Start) -> None:
    host = start("race", "map abcUID My map", "inputs 0 press up")
    with connected(PluginGame(host)) as driver:
        next_step(driver)
        capabilities = driver.capabilities()
        assert (capabilities.plugin_version, capabilities.process_id) == ("3", host.pid)
        assert capabilities.names == {"game_state", "state_events", *OPTIONAL} - {"process"}
        assert driver.game_state() == GameState.RACE
        assert driver.running_map() == RunningMap("abcUID", "My map")
        driver.focus_window()
        assert driver.inputs() == "0 press up"
        driver.answer()
        next_step(driver)
    host.wait_for_line("focus window")


VARIANTS = [
    (),
    OPTIONAL,
    *((name,) for name in OPTIONAL),
    *(tuple(other for other in OPTIONAL if other != name) for name in OPTIONAL),
    ("camera", "car"),
]
"""All, none, all but one, only one, and two that share calls."""


@pytest.mark.parametrize("without", VARIANTS, ids=lambda names: "-".join(names) or "all")
def test_each_variant_compiles_in_a_game_that_lacks_just_these_calls(
    program: Path, tmp_path: Path, without: tuple[str, ...]
) -> None:
    def compile_script(text: str) -> int:
        (tmp_path / "plugin.as").write_text(text)
        environment = {**os.environ, "LACKS": " ".join(without)}
        words = [program, tmp_path / "plugin.as"]
        result = subprocess.run(words, input="", capture_output=True, text=True, env=environment, timeout=60)
        return result.returncode

    assert compile_script(script_text(without)) == 0
    assert (compile_script(plugin.SCRIPT.read_text()) == 0) is (not without)


def test_the_numbers_of_camera_and_car_are_exact(start: Start) -> None:
    with connected(PluginGame(start("race"))) as driver:
        next_step(driver)
        link = driver.link()
        assert link is not None
        camera, car = link.camera(), link.car_details()
        assert camera is not None
        assert camera.rotation == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        assert tuple(map(float32, camera.position)) == (float32(0.1), 10.0, -5.0)
        assert camera.fov == 75.0
        assert car == CarDetails(
            wheels=(
                WheelState(True, False, 0.125, 16, 2), WheelState(True, False, 0.25, 16, 1),
                WheelState(False, True, 0.5, 6, 0), WheelState(True, True, 1.0, 2, 1),
            ),
            rpm=4321.5, max_rpm=11000.0, slide_factor=1.0, gear=3, rear_gear=0, gearbox_state=1, input_gas=1.0,
            input_brake=0.0, input_steer=-0.5, free_wheeling=False, sliding=True, lateral_contact=True, burnout=2,
            turbo=1, turbo_boost=0.25, last_turbo_time=1230, local_speed=(1.0, 2.0, 30.0),
        )  # fmt: skip


def test_there_is_no_camera_and_no_car_outside_a_race(start: Start) -> None:
    with connected(PluginGame(start("menus"))) as driver:
        driver.wait(5)
        link = driver.link()
        assert link is not None
        assert (link.camera(), link.car_details()) == (None, None)


def test_input_events_are_reported_with_their_controls(start: Start) -> None:
    events = ("event 100000 0 1", "event 100010 2 1", "event 101010 6 -65536", "event 101020 8 1", "event 101030 2 0")
    with connected(PluginGame(start("race", *events))) as driver:
        next_step(driver)
        link = driver.link()
        assert link is not None
        assert link.input_events() == (
            GameInput(100000, "running", 1),
            GameInput(100010, "up", 1),
            GameInput(101010, "steer", -65536),
            GameInput(101020, "enter", 1),
            GameInput(101030, "up", 0),
        )


def test_a_long_script_is_loaded_whole(start: Start) -> None:
    text = "".join(f"{10 * n} steer {n % 1000}\n" for n in range(70_000))
    assert len(text) > 2**20
    with connected(PluginGame(start("race"))) as driver:
        next_step(driver)
        link = driver.link()
        assert link is not None
        assert link.load_script(text)
        assert link.script_inputs() == 70_000


def test_a_file_of_the_scripts_folder_is_read_by_the_game(start: Start) -> None:
    with connected(PluginGame(start("race", "file a.txt 0 press up"))) as driver:
        next_step(driver)
        link = driver.link()
        assert link is not None
        assert link.read_script_file("a.txt") == "0 press up"
        assert link.user_folder() == "C:\\users\\player\\Documents\\TMInterface\\"


def test_a_game_that_renders_nothing_on_request_says_so(start: Start) -> None:
    with connected(PluginGame(start("race", "refuses-to-render"))) as driver:
        next_step(driver)
        link = driver.link()
        assert link is not None
        assert link.force_frame(16, 16) is None
        driver.request_frame(8, 8)  # the next ordinary frame is not taken for the forced one
        driver.answer()
        frame = until(driver, lambda event: isinstance(event, Frame))
        assert isinstance(frame, Frame)
        assert (frame.width, frame.height) == (8, 8)


def float32(number: float) -> float:
    value: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return value
