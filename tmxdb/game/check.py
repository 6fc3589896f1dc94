"""Check whether a game can be driven from here: one result for each thing that it needs, with the fix if it is missing.

Nothing stays changed, and a game is only asked about itself; it reads one script, which is removed again. Checking a
port means to connect as a real client does, which disconnects the present one
(docs/facts/tminterface.md#timeouts-and-connections). So do not check a game that is in use.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tmxdb.errors import DiskError, GameError, InvalidInput, TmxdbError
from tmxdb.game.autosaves import replaced_files
from tmxdb.game.check_result import CheckResult
from tmxdb.game.driver import ConnectedEvent
from tmxdb.game.folders import GameFolders, document_folders, existing_game_folders, locate_folders
from tmxdb.game.locks.port_lock import is_port_in_use
from tmxdb.game.plugin import OPTIONAL
from tmxdb.game.plugin.install import PluginStatus, inspect_folder
from tmxdb.game.plugin.running_check import check_folders as check_running_folders
from tmxdb.game.plugin.running_check import check_process
from tmxdb.game.process.launch import LaunchSettings
from tmxdb.game.tminterface1.memory_driver import MAPPING_BYTES, open_named_mapping
from tmxdb.game.tminterface2.socket_driver import SocketDriver

_PACKAGES = (
    ("Pillow", True, "writes the pictures"),
    ("mss", False, "takes pictures of the game's window, for --frame-source screen"),
    ("python-xlib", False, "finds the game's window on Linux, for --frame-source screen"),
    ("tminterface", False, "talks to TMInterface 1.4 (--driver tmi1)"),
)
_CONNECT_S = 1.0
"""How long to try to connect to a port."""
_GREETING_S = 3.0
"""How long to wait for the first message, which a running game sends in its next rendered frame."""


def check_packages() -> Iterator[CheckResult]:
    """Check the libraries of the extra `capture`."""
    for name, is_required, purpose in _PACKAGES:
        if name == "python-xlib" and sys.platform != "linux":
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            fix = 'pip install "tmxdb[capture]"'
            yield CheckResult(name, False if is_required else None, f"not installed; it {purpose}", fix)
        else:
            yield CheckResult(name, True, version)


def check_folders(game: str | None, tminterface: str | None, *, with_plugin: bool = True) -> Iterator[CheckResult]:
    """Check the folders of the game and of TMInterface, and the plugin there, which TMInterface 1.4 does not need."""
    try:
        folders = locate_folders(game, tminterface)
    except InvalidInput as error:
        yield CheckResult("game folder", False, error.message, "start the game once: it creates the folder")
        return
    yield _check_game_folder(folders, is_chosen=game is not None)
    replaced = replaced_files(folders.autosaves)
    if replaced:
        names = ", ".join(replaced[:3]) + (" …" if len(replaced) > 3 else "")
        files = "1 file" if len(replaced) == 1 else f"{len(replaced):,} files"
        fix = "run `tmxdb work --kind capture`, which restores what a killed process left"
        yield CheckResult("autosaves", None, f"{files} replaced or hidden: {names}", fix)
    if not folders.tminterface.is_dir():
        fix = "start the game with TMInterface once, which creates it; or set --tminterface-path or TMINTERFACE_PATH"
        yield CheckResult("TMInterface folder", False, f"no folder {folders.tminterface}", fix)
        return
    yield _check_writable("TMInterface folder", folders.tminterface)
    if with_plugin:
        yield check_plugin(folders.plugins)


def check_plugin(folder: Path) -> CheckResult:
    """Check that exactly one plugin with the protocol is there: two would compete for the port."""
    fix = "run `tmxdb game install-plugin`, then restart the game"
    try:
        location = inspect_folder(folder)
    except TmxdbError as error:
        return CheckResult("plugin", False, error.message, fix)
    rivals = ", ".join(str(rival.relative_to(folder)) for rival in location.rivals)
    if location.status is PluginStatus.NOTHING:
        if location.old_rivals:
            old = ", ".join(str(rival.relative_to(folder)) for rival in location.old_rivals)
            found = f"{old}: an older copy that cannot report the inputs of a race, so inputs_match stays empty"
            return CheckResult("plugin", None, found, fix)
        if rivals:
            return CheckResult("plugin", True, f"{rivals}, which has the same protocol")
        return CheckResult("plugin", False, f"none in {folder}", fix)
    if rivals:
        both = f"{location.path.name} and {rivals} use the same port"
        return CheckResult("plugin", None, both, "move one of them to another folder: only one can be used")
    if location.status is PluginStatus.THIS:
        left_out = f", without {', '.join(location.without)}" if location.without else ""
        return CheckResult("plugin", True, f"{location.path.name}, version {location.version}{left_out}")
    return CheckResult("plugin", None, f"{location.path}: {location.status}", fix)


def check_launching(settings: LaunchSettings, number: int) -> CheckResult:
    """Check whether games can be started from here."""
    try:
        command = settings.command(number)
    except InvalidInput as error:
        chosen = settings.tmloader if sys.platform == "win32" else settings.linux_script
        return CheckResult("launching", False if chosen else None, error.message, "needed for --launch-game only")
    return CheckResult("launching", True, command if isinstance(command, str) else " ".join(command))


def check_window(title: str) -> CheckResult:
    """Check whether pictures can be taken of the game's window, which only --frame-source screen needs."""
    from tmxdb.game.frames.desktop import open_window_finder
    from tmxdb.game.frames.window import WindowQuery

    try:
        windows = open_window_finder()
    except InvalidInput as error:
        return CheckResult("window", None, error.message, "needed for --frame-source screen only")
    try:
        area = windows.area(WindowQuery(title))
    except GameError as error:
        return CheckResult("window", None, error.message, "needed for --frame-source screen only")
    finally:
        windows.close()
    return CheckResult("window", True, f"{area.width} x {area.height} pixels inside: the largest possible picture")


def check_mapping(number: int) -> CheckResult:
    """Check whether a game with TMInterface 1.4 runs, without connecting to it."""
    name = f"TMInterface{number}"
    try:
        open_named_mapping(name, MAPPING_BYTES).close()
    except InvalidInput as error:
        return CheckResult(name, False, error.message, "use --driver tmi2 with TMInterface 2")
    except OSError:
        return CheckResult(name, False, "no game has created this shared memory", "start the game with TMInterface 1.4")
    return CheckResult(name, True, "a game with TMInterface 1.4 runs")


def game_folders(game: str | None, tminterface: str | None) -> GameFolders | None:
    """Return the game's folders, or None if they are not found."""
    try:
        return locate_folders(game, tminterface)
    except InvalidInput:
        return None


def check_port(number: int, folders: GameFolders | None = None) -> Iterator[CheckResult]:
    """Check whether a game with the plugin answers on this port, and with TmxdbLink which folders it uses.

    A game that a worker uses is not connected to. `folders`: the game's, which have the lock; None: not checked.
    """
    try:
        in_use = folders is not None and is_port_in_use(folders.game, number)
    except DiskError as error:
        found = f"its lock cannot be used: {str(error).partition('. ')[0]}"
        yield CheckResult(f"port {number}", False, found, "give your user write permission there")
        return
    if in_use:
        fix = "wait until its command ends, then check again"
        yield CheckResult(f"port {number}", None, "in use by a worker", fix)
        return
    driver = SocketDriver(number)
    try:
        driver.connect(_CONNECT_S)
    except GameError:
        yield CheckResult(
            f"port {number}",
            False,
            "nothing listens",
            f"start the game with the plugin in its folder and `set custom_port {number}` in its /configstring:"
            " the plugin reads the port once, when it starts",
        )
        return
    try:
        event = driver.wait(_GREETING_S)
        answer = "a game answers" if isinstance(event, ConnectedEvent) else f"a game runs ({event})"
        menus = {True: ", in its menus", False: ", outside its menus", None: ""}[driver.in_menus()]
        found = f"{answer}{menus}{_plugin_text(driver)}"
        capabilities, link = driver.capabilities(), driver.link()
        facts = [] if link is None or folders is None else list(check_running_folders(link, folders, number))
    except GameError as error:
        yield CheckResult(
            f"port {number}",
            False,
            f"a program listens, but: {error}",
            "bring the game's window to the front and wait for its menus; a game that is loading or held by another"
            " program does not answer; if it is not the game, choose another --base-tmi-port",
        )
        return
    finally:
        driver.close()
    yield CheckResult(f"port {number}", True, found)
    # After closing: a connected game stands still, and drops a client that takes too long to answer.
    yield check_process(number, capabilities)
    yield from facts


def _plugin_text(driver: SocketDriver) -> str:
    capabilities = driver.capabilities()
    if capabilities.plugin_version is None:
        return ", with a plugin like Python_Link"
    names = ", ".join(sorted(capabilities.names)) or "none"
    missing = [name for name in OPTIONAL if name not in capabilities.names and name != "process"]
    without = f"; without {', '.join(missing)}" if missing else ""
    return f", with TmxdbLink {capabilities.plugin_version} (capabilities: {names}{without})"


def check_system() -> CheckResult:
    """Check whether the drivers support this system."""
    system = {"win32": "Windows", "linux": "Linux"}.get(sys.platform, sys.platform)
    return CheckResult("system", True if sys.platform in ("win32", "linux") else None, system)


def _check_game_folder(folders: GameFolders, *, is_chosen: bool) -> CheckResult:
    result = _check_writable("game folder", folders.game)
    games = existing_game_folders(document_folders())
    others = [str(other) for other in games if other.resolve() != folders.game.resolve()]
    if result.ok and others and not is_chosen:
        return CheckResult("game folder", True, f"{result.found}; other games: {', '.join(others)}")
    return result


def _check_writable(what: str, folder: Path) -> CheckResult:
    if os.access(folder, os.W_OK):
        return CheckResult(what, True, str(folder))
    return CheckResult(what, False, f"{folder}: not writable", "give your user write permission there")
