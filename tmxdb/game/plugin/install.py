"""Install the plugin in TMInterface's Plugins folder, from which the game loads each file that ends in .as."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.game.plugin import OPTIONAL, SCRIPT, missing_capabilities, script_text, version_of
from tmxdb.storage import disk_errors, write_atomic

_INSTEAD = "choose another folder with --folder"
_PORT_VARIABLE = b"custom_port"  # of the Python Link plugin: docs/facts/tminterface.md#port
_INPUTS_CALL = b"ToCommandsText"  # with which a plugin answers message 23; older copies of Python Link lack it


class PluginStatus(StrEnum):
    """What is at the plugin's path."""

    NOTHING = "nothing"
    THIS = "this version"
    OLDER = "an older version"
    NEWER = "a newer version"
    CHANGED = "this version, edited"
    FOREIGN = "a file that is not tmxdb's"


@dataclass(frozen=True, slots=True)
class PluginLocation:
    """The state of a Plugins folder.

    `rivals`: other plugins that read their port from the same variable. `old_rivals`: those of them that cannot report
    the inputs of a race. `without`: capabilities that the installed script lacks.
    """

    path: Path
    status: PluginStatus
    version: str
    rivals: tuple[Path, ...]
    old_rivals: tuple[Path, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def needs_force(self) -> bool:
        """Whether installing would overwrite something of the user's."""
        return self.status in (PluginStatus.NEWER, PluginStatus.CHANGED, PluginStatus.FOREIGN)


def inspect_folder(folder: Path) -> PluginLocation:
    """Return what is in `folder`, without changing it. `version`: that of the plugin there, or of ours without one.

    Raise InvalidInput if the folder does not exist: the game would not load plugins from a new one.
    """
    if not folder.is_dir():
        raise InvalidInput(
            f"{folder} is not a folder. Start the game with TMInterface once, which creates it, or name the folder that"
            " it loads plugins from with --folder.",
            code="input.no_folder",
        )
    path = folder / SCRIPT.name
    with disk_errors(str(folder), instead=_INSTEAD, reading=True):
        installed = path.read_bytes() if path.exists() else None
        others = [file for file in sorted(folder.rglob("*.as")) if file != path and file.is_file()]
        texts = {file: file.read_bytes() for file in others}
    rivals = tuple(file for file, text in texts.items() if _PORT_VARIABLE in text)
    old_rivals = tuple(file for file in rivals if _INPUTS_CALL not in texts[file])
    version = version_of(script_text())
    assert version is not None, "tmxdb's script has a version in its first line"
    if installed is None:
        return PluginLocation(path, PluginStatus.NOTHING, version, rivals, old_rivals)
    text = installed.decode("utf-8", "replace")
    without = missing_capabilities(text)
    status = PluginStatus.THIS if without is not None else _compare(version, version_of(text))
    return PluginLocation(path, status, version_of(text) or "", rivals, old_rivals, without or ())


def install(location: PluginLocation, without: Iterable[str] = ()) -> Path | None:
    """Write the plugin, whole or not at all. Return the path of the copy of what was there; None if nothing was.

    `without`: capabilities to leave out, of OPTIONAL.

    The copy does not end in .as, because the game would load it too. Raise DiskError.
    """
    copy = None
    with disk_errors(str(location.path), instead=_INSTEAD):
        if location.status not in (PluginStatus.NOTHING, PluginStatus.THIS):
            copy = _free_name(location.path)
            write_atomic(copy, location.path.read_bytes(), instead=_INSTEAD)
        without = tuple(name for name in OPTIONAL if name in set(without))
        if location.status is not PluginStatus.THIS or location.without != without:
            write_atomic(location.path, script_text(without).encode(), instead=_INSTEAD)
    return copy


def _compare(version: str, installed_version: str | None) -> PluginStatus:
    if installed_version is None or not installed_version.isdigit():
        return PluginStatus.FOREIGN
    if int(installed_version) == int(version):
        return PluginStatus.CHANGED
    return PluginStatus.OLDER if int(installed_version) < int(version) else PluginStatus.NEWER


def _free_name(path: Path) -> Path:
    number = 1
    while (copy := path.with_name(f"{path.name}.{number}.old")).exists():
        number += 1
    return copy
