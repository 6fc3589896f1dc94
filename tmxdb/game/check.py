"""Whether a game can be driven from here: one finding for each thing that it needs, with what to do where it lacks.

Looks only; the one thing it says to a game is a greeting and a goodbye. A plain "is the port open?" would take the line
from whoever holds it (sheet of TMInterface, "Timeouts and connections"), so it connects as a real client does, which
does so, too: not for a game that is at work.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.driver import Connected
from tmxdb.game.folders import find_folders
from tmxdb.game.plugin.install import Place, There, look
from tmxdb.game.socket_driver import SocketDriver

_PACKAGES = (
    ("Pillow", True, "writes the pictures"),
    ("mss", False, "takes pictures of the game's window, for --frame-source screen"),
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
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            mend = "pip install 'tmxdb[capture]'"
            yield Finding(name, False if needed else None, f"is not installed; it {purpose}", mend)
        else:
            yield Finding(name, True, version)


def folders(game: str | None, tminterface: str | None) -> Iterator[Finding]:
    """Where the game keeps its files, and the plugin among them. What can not be found here may be elsewhere."""
    try:
        found = find_folders(game, tminterface)
    except BadInput as error:
        yield Finding("folders", None, str(error))
        return
    yield Finding("folders", True, f"{found.game}, {found.tminterface}")
    try:
        yield plugin(look(found.plugins))
    except BadInput as error:
        yield Finding("plugin", None, str(error))


def plugin(place: Place) -> Finding:
    """Whether a plugin lies there that tmxdb can speak with: its own, or another one for the same port."""
    rivals = ", ".join(map(str, place.rivals))
    if place.there is There.NOTHING:
        if place.rivals:
            return Finding("plugin", True, f"{rivals}, which speaks as ours does")
        return Finding("plugin", None, f"none in {place.path.parent}", "tmxdb game install-plugin")
    if place.rivals:
        return Finding(
            "plugin",
            None,
            f"{place.path} and {rivals} take the same port",
            "move one of them to another folder: only one can be used",
        )
    if place.there is There.THIS:
        return Finding("plugin", True, f"{place.path}, version {place.version}")
    return Finding("plugin", None, f"{place.path}: {place.there}", "tmxdb game install-plugin")


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
