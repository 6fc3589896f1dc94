"""Puts the plugin into TMInterface's Plugins folder, where the game loads whatever ends in .as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tmxdb.errors import BadInput
from tmxdb.game.plugin import SCRIPT, version_of
from tmxdb.storage import disk_errors, write_whole

_INSTEAD = "name another folder with --folder"
_PORT_VARIABLE = b"custom_port"  # of the Python Link plugin: sheet (a), "Port"


class There(StrEnum):
    """What lies where the plugin belongs."""

    NOTHING = "nothing"
    THIS = "this version"
    OLDER = "an older version"
    NEWER = "a newer version"
    CHANGED = "this version, changed by somebody"
    FOREIGN = "a file that is not tmxdb's"


@dataclass(frozen=True, slots=True)
class Place:
    """The Plugins folder as it is. `rivals`: other plugins that take a port by the same variable."""

    path: Path
    there: There
    version: str
    rivals: tuple[Path, ...]

    @property
    def needs_force(self) -> bool:
        """Whether somebody may miss what would be overwritten."""
        return self.there in (There.NEWER, There.CHANGED, There.FOREIGN)


def look(folder: Path) -> Place:
    """What is there, without changing it. `version`: of the plugin there, or of ours if there is none.

    Raises BadInput if there is no such folder: one that nobody looks into helps nobody.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is no folder. Start the game with TMInterface once, which makes it, or name the one that it"
            " loads plugins from with --folder.",
            code="input.no_folder",
        )
    path = folder / SCRIPT.name
    with disk_errors(str(folder), instead=_INSTEAD):
        ours, there = SCRIPT.read_bytes(), path.read_bytes() if path.exists() else None
        others = [file for file in sorted(folder.rglob("*.as")) if file != path and file.is_file()]
        rivals = tuple(file for file in others if _PORT_VARIABLE in file.read_bytes())
    version = version_of(ours.decode())
    assert version is not None, "our own script has a first line of its own"
    if there is None:
        return Place(path, There.NOTHING, version, rivals)
    its_version = version_of(there.decode("utf-8", "replace"))
    return Place(path, _compared(ours, version, there, its_version), its_version or "", rivals)


def install(place: Place) -> Path | None:
    """Write the plugin there, whole or not at all; where something else was, its copy's path.

    The copy does not end in .as: the game would load it, too. Raises DiskTrouble.
    """
    kept = None
    with disk_errors(str(place.path), instead=_INSTEAD):
        if place.there not in (There.NOTHING, There.THIS):
            kept = _free_name(place.path)
            write_whole(kept, place.path.read_bytes(), instead=_INSTEAD)
        if place.there is not There.THIS:
            write_whole(place.path, SCRIPT.read_bytes(), instead=_INSTEAD)
    return kept


def _compared(ours: bytes, version: str, there: bytes, its_version: str | None) -> There:
    if there == ours:
        return There.THIS
    if its_version is None or not its_version.isdigit():
        return There.FOREIGN
    if int(its_version) == int(version):
        return There.CHANGED
    return There.OLDER if int(its_version) < int(version) else There.NEWER


def _free_name(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}.old")).exists():
        number += 1
    return kept
