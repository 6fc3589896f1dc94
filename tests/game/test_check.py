"""`tmxdb game check`: folders, plugins, windows and games that are present, missing or wrong."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.game.drivers.conformance import connected, next_step
from tests.game.drivers.games import PeerGame
from tests.ports import free_port
from tests.sandbox.game.conftest import Folders, folders
from tests.tool import Tool
from tmxdb.game.driver import StepEvent
from tmxdb.game.folders import GameFolders
from tmxdb.game.locks.port_lock import PortLock
from tmxdb.game.plugin import SCRIPT, script_text
from tmxdb.game.plugin.running_check import compare_folder, local_path
from tmxdb.game.process import processes
from tmxdb_sandbox import RunningGame, running_game

__all__ = ["folders"]


@pytest.fixture
def game() -> Iterator[PeerGame]:
    game = PeerGame()
    yield game
    game.close()


@pytest.fixture
def ready(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A documents folder with everything that is needed, named by the older environment variables."""
    documents = tool.folder / "Documents"
    (documents / "TmForever" / "Tracks").mkdir(parents=True)
    plugins = documents / "TMInterface" / "Plugins"
    plugins.mkdir(parents=True)
    (plugins / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    monkeypatch.setenv("TRACKMANIA_BASE_PATH", str(documents / "TmForever"))
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setenv("HOME", str(tool.folder / "home"))
    return documents


def check(tool: Tool, *words: object, ends: int) -> dict[str, dict[str, Any]]:
    return {result["what"]: result for result in tool("game", "check", *words, "--json", ends=ends).json}


def test_a_complete_setup_passes(tool: Tool, game: PeerGame, ready: Path) -> None:
    lines = tool("game", "check", "--base-tmi-port", game.port).out.splitlines()
    assert lines[-2].split()[:9] == ["port", str(game.port), "ok", "a", "game", "answers,", "in", "its", "menus,"]
    findings = check(tool, "--base-tmi-port", game.port, ends=0)
    assert {name for name, finding in findings.items() if finding["ok"]} >= {
        "game folder",
        "TMInterface folder",
        "plugin",
        "Pillow",
        f"port {game.port}",
    }
    assert findings["game folder"]["found"] == str(ready / "TmForever")
    game.race()
    with connected(game) as driver:  # it still accepts clients
        assert isinstance(next_step(driver), StepEvent)


@pytest.mark.usefixtures("ready")
def test_a_report_is_overwritten_only_on_request(tool: Tool, game: PeerGame) -> None:
    words = ("game", "check", "--base-tmi-port", game.port, "--out", "report.txt")
    tool(*words)
    assert "overwrite it with --force" in tool(*words, ends=1).error
    (tool.folder / "report.txt").write_text("")
    tool(*words, "--force")
    assert "plugin" in (tool.folder / "report.txt").read_text()


@pytest.mark.usefixtures("ready")
def test_an_absent_game_is_reported_with_what_to_do(tool: Tool) -> None:
    port = free_port()
    finding = check(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert finding["ok"] is False
    assert f"set custom_port {port}" in finding["mend"]


def test_a_game_in_use_by_a_worker_is_not_disconnected(tool: Tool, game: PeerGame, ready: Path) -> None:
    game.race()
    lock = PortLock(ready / "TmForever", game.port)
    lock.acquire()
    with connected(game) as driver:
        next_step(driver)
        result = check(tool, "--base-tmi-port", game.port, ends=0)[f"port {game.port}"]
        assert (result["ok"], result["found"]) == (None, "in use by a worker")
        driver.answer()
        next_step(driver)
    lock.release()


@pytest.mark.usefixtures("ready")
def test_another_program_on_the_port_is_not_taken_for_a_game(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.game.check._GREETING_S", 0.2)
    monkeypatch.setattr("tmxdb.game.tminterface2.socket_driver.LINGER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = check(tool, "--base-tmi-port", port, ends=1)[f"port {port}"]
    assert "no message" in finding["found"]


def test_missing_folders_are_reported_with_their_option(
    tool: Tool, game: PeerGame, ready: Path, tmp_path: Path
) -> None:
    words = ("--base-tmi-port", game.port)
    finding = check(tool, *words, "--trackmania-path", tmp_path, ends=1)["game folder"]
    assert "no folder Tracks" in finding["found"]
    finding = check(tool, *words, "--tminterface-path", tmp_path / "none", ends=1)["TMInterface folder"]
    assert "TMINTERFACE_PATH" in finding["mend"]


OLD_RIVAL = b'void Main() { RegisterVariable("custom_port", 0.0); }'
RIVAL = OLD_RIVAL + b" string f(TM::InputEventBuffer@ events) { return events.ToCommandsText(); }"


@pytest.mark.parametrize(
    ("present", "ok", "words"),
    [
        ({}, False, "none in"),
        ({"TmxdbLink.as": SCRIPT.read_bytes()}, True, "version 3"),
        ({"TmxdbLink.as": script_text(["map"]).encode()}, True, "version 3, without map"),
        ({"Python_Link.as": OLD_RIVAL}, None, "an older copy that cannot report the inputs"),
        ({"TmxdbLink.as": b"// TmxdbLink, version 0: old"}, None, "an older version"),
        ({"TmxdbLink.as": b"something"}, None, "not tmxdb's"),
        ({"Python_Link.as": RIVAL}, True, "has the same protocol"),
        ({"TmxdbLink.as": SCRIPT.read_bytes(), "Python_Link.as": RIVAL}, None, "use the same port"),
    ],
)
def test_the_plugin_is_checked_where_the_game_loads_it(
    tool: Tool, game: PeerGame, ready: Path, present: dict[str, bytes], ok: bool | None, words: str
) -> None:
    plugins = ready / "TMInterface" / "Plugins"
    (plugins / SCRIPT.name).unlink()
    for name, data in present.items():
        (plugins / name).write_bytes(data)
    finding = check(tool, "--base-tmi-port", game.port, ends=1 if ok is False else 0)["plugin"]
    assert finding["ok"] is ok
    assert words in finding["found"]
    assert (finding["mend"] is None) is (ok is True)


@pytest.mark.skipif(os.name == "nt", reason="Windows starts games with TMLoader")
def test_a_launch_script_is_checked_if_it_is_set(
    tool: Tool, game: PeerGame, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--base-tmi-port", game.port)
    assert check(tool, *words, ends=0)["launching"]["ok"] is None
    script = ready / "launch.sh"
    monkeypatch.setenv("LINUX_LAUNCH_GAME_PATH", str(script))
    assert "no file" in check(tool, *words, ends=1)["launching"]["found"]
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert check(tool, *words, ends=0)["launching"]["found"] == f"{script} {game.port}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has the shared memory")
@pytest.mark.usefixtures("ready")
def test_tminterface_1_needs_neither_port_nor_plugin(tool: Tool) -> None:
    findings = check(tool, "--driver", "tmi1", "--n", 2, ends=1)
    assert "Windows" in findings["TMInterface1"]["found"]
    assert "plugin" not in findings
    assert not any(name.startswith("port") for name in findings)


@pytest.mark.usefixtures("ready")
def test_replaced_autosaves_are_reported(tool: Tool, game: PeerGame, ready: Path) -> None:
    from tmxdb.game.autosaves import Autosaves

    autosaves = Autosaves(ready / "TmForever" / "Tracks" / "Replays" / "Autosaves")
    autosaves.replace("me", "A01-Race", b"ours")
    assert "me_A01-Race" in check(tool, "--base-tmi-port", game.port, ends=0)["autosaves"]["found"]
    autosaves.restore()
    assert "autosaves" not in check(tool, "--base-tmi-port", game.port, ends=0)


@pytest.mark.usefixtures("ready")
def test_installed_packages_are_reported_with_their_version(tool: Tool, game: PeerGame) -> None:
    import mss

    assert check(tool, "--base-tmi-port", game.port, ends=0)["mss"]["found"] == mss.__version__


@pytest.fixture
def linked(ready: Path, folders: Folders) -> Iterator[Callable[..., RunningGame]]:
    """Start stand-ins with TmxdbLink that use the documents of `ready`."""
    with ExitStack() as running:

        def start(**settings: Any) -> RunningGame:
            scripts = {"scripts_folder": ready / "TMInterface" / "Scripts", "user_folder": ready / "TmForever"}
            (ready / "TMInterface" / "Scripts").mkdir(exist_ok=True)
            return running.enter_context(running_game(plugin="tmxdb_link", **{**scripts, **settings}))

        yield start


def test_a_game_with_tmxdbs_plugin_proves_its_folders_and_process(
    tool: Tool, linked: Callable[..., RunningGame], ready: Path
) -> None:
    game = linked()
    found = check(tool, "--base-tmi-port", game.port, ends=0)
    assert "render, script, state_events" in found[f"port {game.port}"]["found"]
    assert found["process"]["found"].startswith(f"{game.pid} (")
    assert found["user folder"]["ok"] is True
    assert found["scripts"]["ok"] is True
    assert list((ready / "TMInterface" / "Scripts").iterdir()) == []


def test_the_game_is_not_held_while_its_process_is_searched_for(
    tool: Tool, linked: Callable[..., RunningGame], monkeypatch: pytest.MonkeyPatch
) -> None:
    game = linked()
    searched, held = [], []

    def listener_of(port: int) -> int | None:
        searched.append(port)
        connections = psutil.Process().net_connections("tcp")
        held.extend(one for one in connections if one.raddr and one.raddr.port == port and one.status == "ESTABLISHED")
        return processes.listener_of(port)

    monkeypatch.setattr("tmxdb.game.plugin.running_check.listener_of", listener_of)
    check(tool, "--base-tmi-port", game.port, ends=0)
    assert (searched, held) == ([game.port], [])


def test_a_game_that_reads_another_scripts_folder_is_reported(
    tool: Tool, linked: Callable[..., RunningGame], tmp_path: Path
) -> None:
    game = linked(scripts_folder=tmp_path / "other" / "Scripts")
    finding = check(tool, "--base-tmi-port", game.port, ends=1)["scripts"]
    assert finding["ok"] is False
    assert "--tminterface-path" in finding["mend"]


def test_missing_capabilities_are_named(tool: Tool, linked: Callable[..., RunningGame]) -> None:
    game = linked(capabilities=["map", "camera"])
    found = check(tool, "--base-tmi-port", game.port, ends=0)
    assert "without focus, car, events, script, folder, render" in found[f"port {game.port}"]["found"]
    assert not {"scripts", "user folder"} & found.keys()


@pytest.mark.skipif(os.name == "nt", reason="paths of Windows need no mapping there")
def test_a_path_of_wine_is_found_in_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    documents = tmp_path / "prefix" / "drive_c" / "users" / "me" / "Documents"
    folders = GameFolders(documents / "TmForever", documents / "TMInterface")
    for folder in (folders.game, folders.tminterface):
        folder.mkdir(parents=True)
    assert local_path("C:\\users\\me\\Documents\\TMInterface\\", folders.game) == folders.tminterface
    assert compare_folder("C:\\Users\\Me\\Documents\\TmInterface\\", folders).ok is True
    assert compare_folder("C:\\users\\me\\Documents", folders).ok is True
    assert compare_folder("C:\\users\\you\\Documents\\TMInterface", folders).ok is None
    assert compare_folder("Z:\\elsewhere", folders).ok is None
    (tmp_path / "prefix" / "dosdevices").mkdir()
    (tmp_path / "prefix" / "dosdevices" / "z:").symlink_to("/")
    assert compare_folder("Z:" + str(folders.game).replace("/", "\\"), folders).ok is True
