"""Whether a game can be driven from here: one finding for each thing that it needs, with what to do where it lacks.

Looks only; the one thing it says to a game is a greeting and a goodbye. A plain "is the port open?" would take the line
from whoever holds it (sheet of TMInterface, "Timeouts and connections"), so it connects as a real client does, which
does so, too: not for a game that is at work.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import BadInput, GameTrouble, TmxdbError
from tmxdb.game.autosaves import lent
from tmxdb.game.driver import Connected
from tmxdb.game.folders import GameFolders, documents, find_folders, found_games
from tmxdb.game.launch import LaunchSettings
from tmxdb.game.memory_driver import MAPPING_BYTES, open_named_mapping
from tmxdb.game.plugin.install import There, look
from tmxdb.game.socket_driver import SocketDriver

_PACKAGES = (
    ("Pillow", True, "writes the pictures"),
    ("mss", False, "takes pictures of the game's window, for --frame-source screen"),
    ("python-xlib", False, "finds the game's window on Linux, for --frame-source screen"),
    ("tminterface", False, "reaches TMInterface 1.4, for --frame-source screen with that version"),
)
_SPEAKS_S = 3.0
"""The game greets in its next rendered frame."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` False: captures will fail; None: they can do without, or it can not be told."""

    what: str
    ok: bool | None
    found: str
    mend: str | None = None


def packages() -> Iterator[Finding]:
    """The libraries of the extra `capture`."""
    for name, needed, purpose in _PACKAGES:
        if name == "python-xlib" and sys.platform != "linux":
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            mend = "pip install 'tmxdb[capture]'"
            yield Finding(name, False if needed else None, f"is not installed; it {purpose}", mend)
        else:
            yield Finding(name, True, version)


def folders(game: str | None, tminterface: str | None, *, with_plugin: bool = True) -> Iterator[Finding]:
    """The game's folder, TMInterface's, and the plugin in it, which TMInterface 1.4 does without."""
    try:
        found = find_folders(game, tminterface)
    except BadInput as trouble:
        yield Finding("game folder", False, trouble.message, "start the game once, it makes the folder")
        return
    yield _game_folder(found, chosen=game is not None)
    waiting = lent(found.autosaves)
    if waiting:
        names = ", ".join(waiting[:3]) + (" …" if len(waiting) > 3 else "")
        yield Finding(
            "autosaves", None, f"{len(waiting)} lent: {names}", "the next capture here gives back what is left"
        )
    if not found.tminterface.is_dir():
        mend = "start the game with TMInterface once, which makes it; or --tminterface-path, TMINTERFACE_PATH"
        yield Finding("TMInterface folder", False, f"{found.tminterface} is not there", mend)
        return
    yield _writable("TMInterface folder", found.tminterface)
    if with_plugin:
        yield plugin(found.plugins)


def plugin(folder: Path) -> Finding:
    """Ours, or one that speaks as ours does; not two of them, which would take one port from each other."""
    mend = "tmxdb game install-plugin, then start the game again"
    try:
        place = look(folder)
    except TmxdbError as trouble:
        return Finding("plugin", False, trouble.message, mend)
    rivals = ", ".join(str(rival.relative_to(folder)) for rival in place.rivals)
    if place.there is There.NOTHING:
        if rivals:
            return Finding("plugin", True, f"{rivals}, which speaks as ours does")
        return Finding("plugin", False, f"none in {folder}", mend)
    if rivals:
        both = f"{place.path.name} and {rivals} take the same port"
        return Finding("plugin", None, both, "move one of them to another folder: only one can be used")
    if place.there is There.THIS:
        return Finding("plugin", True, f"{place.path.name}, version {place.version}")
    return Finding("plugin", None, f"{place.path}: {place.there}", mend)


def launching(settings: LaunchSettings, number: int) -> Finding:
    """Whether games can be started from here."""
    try:
        command = settings.command(number)
    except BadInput as trouble:
        chosen = settings.tmloader if sys.platform == "win32" else settings.linux_script
        return Finding("launching", False if chosen else None, trouble.message, "needed for --launch-game only")
    return Finding("launching", True, command if isinstance(command, str) else " ".join(command))


def window(title: str) -> Finding:
    """Whether a picture can be taken of the game's window; needed for --frame-source screen only."""
    from tmxdb.game.frames.window import Wanted, open_windows

    try:
        windows = open_windows()
    except BadInput as trouble:
        return Finding("window", None, trouble.message, "needed for --frame-source screen only")
    try:
        area = windows.area(Wanted(title))
    except GameTrouble as trouble:
        return Finding("window", None, trouble.message, "needed for --frame-source screen only")
    finally:
        windows.close()
    return Finding("window", True, f"{area.width} x {area.height} pixels inside: the largest pictures it can give")


def _game_folder(found: GameFolders, *, chosen: bool) -> Finding:
    finding = _writable("game folder", found.game)
    others = [str(other) for other in found_games(documents()) if other.resolve() != found.game.resolve()]
    if finding.ok and others and not chosen:
        there = f"{finding.found}; also there: {', '.join(others)}"
        return Finding("game folder", True, there)
    return finding


def _writable(what: str, folder: Path) -> Finding:
    if os.access(folder, os.W_OK):
        return Finding(what, True, str(folder))
    return Finding(what, False, f"{folder} can not be written to", "give your user the right to write there")


def mapping(number: int) -> Finding:
    """Whether a game with TMInterface 1.4 is there. It is not spoken to."""
    name = f"TMInterface{number}"
    try:
        open_named_mapping(name, MAPPING_BYTES).close()
    except BadInput as trouble:
        return Finding(name, False, trouble.message, "--driver tmi2, with TMInterface 2")
    except OSError:
        return Finding(name, False, "no game has made this shared memory", "start the game with TMInterface 1.4")
    return Finding(name, True, "a game with TMInterface 1.4 is there")


def port(number: int) -> Finding:
    """Whether a game with the plugin answers there."""
    driver = SocketDriver(number)
    try:
        driver.connect(1.0)
    except GameTrouble:
        return Finding(
            f"port {number}",
            False,
            "nobody listens",
            f"start the game with the plugin in its folder, and `set custom_port {number}` in its /configstring:"
            " the plugin reads the port once, when it starts",
        )
    try:
        event = driver.wait(_SPEAKS_S)
        says = "a game greets" if isinstance(event, Connected) else f"a game runs ({event})"
        menus = {True: ", in its menus", False: ", outside its menus", None: ""}[driver.in_menus()]
        return Finding(f"port {number}", True, says + menus)
    except GameTrouble as trouble:
        return Finding(
            f"port {number}",
            False,
            f"somebody listens, but: {trouble}",
            "bring the game's window to the front and wait until its menus are there; a game that loads or is held by"
            " another program says nothing; if it is not the game, choose another --base-tmi-port",
        )
    finally:
        driver.close()


def python() -> Finding:
    """What the drivers can do on this system."""
    system = {"win32": "Windows", "linux": "Linux"}.get(sys.platform, sys.platform)
    return Finding("system", True if sys.platform in ("win32", "linux") else None, system)
