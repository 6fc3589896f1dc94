"""The folders of the game and TMInterface, and the maps and scripts that tmxdb writes there for captures.

Their names are ASCII without spaces and say that they are tmxdb's (docs/facts/tminterface.md#script-files). Each file
is written whole or not at all, and removed at the end, or by the next tmxdb if this one was killed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.game.advice import SET_GAME_FOLDER, SET_TMINTERFACE_FOLDER
from tmxdb.game.kept_maps import is_kept, kept_maps
from tmxdb.game.locks.folder_lock import folder_lock
from tmxdb.process_identity import process_in, this_process
from tmxdb.storage import NewFile, disk_errors, safe_name

GAMES = ("TmForever", "TrackMania")
"""Nations and United, in the order of preference (docs/facts/tminterface.md#folders)."""
OURS = "tmxdb"
_IN_USE = "in-use-"


@dataclass(frozen=True, slots=True)
class GameFolders:
    """`game`: the folder that contains Tracks. `tminterface`: the one for Scripts and Plugins; it may not exist yet."""

    game: Path
    tminterface: Path

    @property
    def challenges(self) -> Path:
        return self.game / "Tracks" / "Challenges"

    @property
    def maps(self) -> Path:
        """The folder of tmxdb's maps, below the challenges."""
        return self.challenges / OURS

    @property
    def autosaves(self) -> Path:
        return self.game / "Tracks" / "Replays" / "Autosaves"

    @property
    def scripts(self) -> Path:
        return self.tminterface / "Scripts"

    @property
    def plugins(self) -> Path:
        return self.tminterface / "Plugins"


def find_folders(game: str | None = None, tminterface: str | None = None) -> GameFolders:
    """Return the given folders, or the first found in this user's documents.

    Raise InvalidInput if none is found, or if a given one does not exist: a mistyped one must not be created.
    """
    folders = locate_folders(game, tminterface)
    if tminterface and not folders.tminterface.is_dir():
        raise InvalidInput(
            f"{folders.tminterface}: no such folder. Name the folder of TMInterface that contains Scripts and Plugins:"
            f" {SET_TMINTERFACE_FOLDER}.",
            code="input.game_folder",
        )
    return folders


def locate_folders(game: str | None = None, tminterface: str | None = None) -> GameFolders:
    """Return the same without looking whether the folder of TMInterface exists."""
    base = Path(game).expanduser() if game else _first_game()
    if not (base / "Tracks").is_dir():
        raise InvalidInput(
            f"{base}: no folder Tracks in it. Name the game's folder in your documents, such as Documents/TmForever."
            " If it does not exist, start the game once: it creates the folder.",
            code="input.game_folder",
        )
    beside = Path(tminterface).expanduser() if tminterface else base.parent / "TMInterface"
    return GameFolders(base.absolute(), beside.absolute())


def existing_game_folders(document_folders: Iterable[Path]) -> list[Path]:
    """Return the games' folders below these, in the order of preference."""
    return [folder / name for folder in document_folders for name in GAMES if (folder / name / "Tracks").is_dir()]


def document_folders() -> list[Path]:
    """Return the existing document folders of this user, on Windows or in a Wine prefix, without duplicates."""
    found: dict[Path, None] = {}
    for folder in _windows_documents() if os.name == "nt" else _wine_documents():
        with suppress(OSError):
            if folder.is_dir():
                found.setdefault(folder.resolve())
    return list(found)


def _first_game() -> Path:
    places = document_folders()
    games = existing_game_folders(places)
    if not games:
        looked = ", ".join(map(str, places)) or "no document folder exists"
        raise InvalidInput(
            f"no folder {' or '.join(GAMES)} with a folder Tracks in it was found (searched: {looked}). Set the game's"
            " folder with --trackmania-path or TRACKMANIA_BASE_PATH.",
            code="input.game_folder",
        )
    return games[0]


def _windows_documents() -> Iterator[Path]:
    known = _known_documents()
    if known:
        yield known
    home = Path.home()
    for drive in map(os.environ.get, ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")):
        if drive:
            yield Path(drive) / "Documents"
    yield home / "Documents"
    yield home / "OneDrive" / "Documents"


def _wine_documents() -> Iterator[Path]:
    home = Path.home()
    prefixes = [Path(os.environ["WINEPREFIX"])] if os.environ.get("WINEPREFIX") else []
    for prefix in (*prefixes, home / ".wine"):
        for user in sorted((prefix / "drive_c" / "users").glob("*")):
            yield user / "Documents"
            yield user / "My Documents"  # the name in older versions of Wine
    yield home / "Documents"


def _known_documents() -> Path | None:
    """Return the documents folder that Windows reports, whatever its name and location."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    # FOLDERID_Documents: learn.microsoft.com, KNOWNFOLDERID
    folder_id = (ctypes.c_ubyte * 16).from_buffer_copy(bytes.fromhex("d09ad3fd8f23af46adb46c85480369c7"))
    shell, ole = ctypes.WinDLL("shell32"), ctypes.WinDLL("ole32")
    shell.SHGetKnownFolderPath.argtypes = [
        ctypes.c_void_p,
        wintypes.DWORD,
        wintypes.HANDLE,
        ctypes.POINTER(ctypes.c_wchar_p),
    ]
    ole.CoTaskMemFree.argtypes = [ctypes.c_wchar_p]
    path = ctypes.c_wchar_p()
    if shell.SHGetKnownFolderPath(ctypes.byref(folder_id), 0, None, ctypes.byref(path)) != 0 or not path.value:
        return None
    try:
        return Path(path.value)
    finally:
        ole.CoTaskMemFree(path)


class GameFiles:
    """The maps and scripts of one game. `instance` identifies it among those of this process, such as its port."""

    def __init__(self, folders: GameFolders, instance: str) -> None:
        self._folders = folders
        self._mark = f"{this_process()}-{safe_name(instance)}"

    def write_map(self, name: str, data: bytes) -> str:
        """Write a map, and return its path for the console command `map`: below the challenges, with `/`.

        Write it before the game starts: the game indexes its folders only then (docs/facts/tminterface.md#console).
        """
        file = f"{safe_name(name)}.Challenge.Gbx"
        target = self._folders.maps / file
        with disk_errors(str(self._folders.maps), instead=SET_GAME_FOLDER):
            self._folders.maps.parent.mkdir(parents=True, exist_ok=True)
            with folder_lock(self._folders.maps.parent):
                self._folders.maps.mkdir(exist_ok=True)
                (self._folders.maps / f"{_IN_USE}{self._mark}.txt").touch()
                if not self.has_map(name, data):
                    self._write(target, data, SET_GAME_FOLDER)
        return f"{OURS}/{file}"

    def has_map(self, name: str, data: bytes) -> bool:
        """Return whether the game's folder has this map with these bytes."""
        target = self._folders.maps / f"{safe_name(name)}.Challenge.Gbx"
        with disk_errors(str(self._folders.maps), instead=SET_GAME_FOLDER, reading=True):
            return target.is_file() and target.stat().st_size == len(data) and target.read_bytes() == data

    def write_script(self, name: str, script: str) -> str:
        """Write a script, and return its file name for the command `load`. Raise InvalidInput if it is not ASCII."""
        file = f"{self._script_prefix}{safe_name(name)}.txt"
        try:
            data = script.encode("ascii")
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"script {file}: {error.object[error.start]!r} is not ASCII. Only ASCII scripts can be loaded.",
                code="input.script",
            ) from error
        with disk_errors(str(self._folders.scripts), instead=SET_TMINTERFACE_FOLDER):
            self._folders.scripts.mkdir(parents=True, exist_ok=True)
        self._write(self._folders.scripts / file, data, SET_TMINTERFACE_FOLDER)
        return file

    def remove_files(self) -> None:
        """Delete the scripts of this game and of killed processes, and the maps that no other game uses or keeps."""
        remove_leftovers(self._folders, ours=self._mark)

    @property
    def _script_prefix(self) -> str:
        return f"{OURS}_{self._mark}_"

    def _write(self, target: Path, data: bytes, instead: str) -> None:
        partial = target.with_name(f"{OURS}_{self._mark}.partial")
        file = NewFile(str(partial), str(target), str(target), make_folders=lambda: None, instead=instead)
        try:
            file.write(data)
            file.publish()
        finally:
            file.discard()


def remove_leftovers(folders: GameFolders, *, ours: str | None = None) -> None:
    """Delete the scripts and maps of killed processes and of `ours`. Files in use and kept maps stay."""
    _unlink_unused(folders.scripts, f"{OURS}_*", ours)
    if not folders.maps.is_dir():
        return
    with disk_errors(str(folders.maps), instead=SET_GAME_FOLDER), folder_lock(folders.maps.parent):
        _unlink_unused(folders.maps, f"{OURS}_*", ours)
        _unlink_unused(folders.maps, f"{_IN_USE}*", ours)
        if any(folders.maps.glob(f"{_IN_USE}*")):
            return
        kept = kept_maps(folders.maps)
        for file in folders.maps.glob("*.Challenge.Gbx"):
            if not is_kept(file, kept):
                with suppress(OSError):
                    file.unlink()
        with suppress(OSError):  # it contains kept maps, or files of the user
            folders.maps.rmdir()


def _unlink_unused(folder: Path, pattern: str, ours: str | None) -> None:
    for file in folder.glob(pattern):
        owner = process_in(file.name)
        mine = ours is not None and (f"{ours}_" in file.name or f"{ours}." in file.name)
        if mine or (owner is not None and not owner.is_alive()):
            with suppress(OSError):  # open in another program: the next tmxdb deletes it
                file.unlink()
