"""Where the game and TMInterface keep their files, and what is put there for a capture: maps and scripts.

Whatever is put there has a name that says it is ours, in ASCII without spaces (sheet of TMInterface, (d) and (f)), is
written whole or not at all, and is swept away: at the end, or by the next tmxdb if this one was killed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import BadInput
from tmxdb.game.alone import alone_in
from tmxdb.game.owners import me, owner_in
from tmxdb.storage import NewFile, disk_errors, safe_name

GAMES = ("TmForever", "TrackMania")
"""Nations and United (sheet (f): WEB and GEN say the first, RD and LS the second for both)."""
OURS = "tmxdb"
NAME_GAME = "name the game's folder with --trackmania-path"
NAME_TMINTERFACE = "name TMInterface's folder with --tminterface-path"
_IN_USE = "in-use-"


@dataclass(frozen=True, slots=True)
class GameFolders:
    """`game`: the one with Tracks in it. `tminterface`: the one with Scripts and Plugins; need not be there yet."""

    game: Path
    tminterface: Path

    @property
    def challenges(self) -> Path:
        return self.game / "Tracks" / "Challenges"

    @property
    def maps(self) -> Path:
        """Ours, below the challenges."""
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
    """What is given, or the first that is found in the documents of this user. Raises BadInput if there is none."""
    base = Path(game).expanduser() if game else _first_game()
    if not (base / "Tracks").is_dir():
        raise BadInput(
            f"{base}: there is no folder Tracks in it. It has to be the game's folder in your documents,"
            " such as Documents/TmForever; start the game once, it makes it.",
            code="input.game_folder",
        )
    beside = Path(tminterface).expanduser() if tminterface else base.parent / "TMInterface"
    return GameFolders(base.absolute(), beside.absolute())


def found_games(documents: Iterable[Path]) -> list[Path]:
    """The games' folders below these, in the order of preference."""
    return [folder / name for folder in documents for name in GAMES if (folder / name / "Tracks").is_dir()]


def documents() -> list[Path]:
    """Where the documents of this user may be, on Windows or in a Wine prefix; those that are there, each once."""
    found: dict[Path, None] = {}
    for folder in _windows_documents() if os.name == "nt" else _wine_documents():
        with suppress(OSError):
            if folder.is_dir():
                found.setdefault(folder.resolve())
    return list(found)


def _first_game() -> Path:
    places = documents()
    games = found_games(places)
    if not games:
        looked = ", ".join(map(str, places)) or "none that is there"
        raise BadInput(
            f"the game's folder was not found (no {' or '.join(GAMES)} with Tracks in it; looked in: {looked})."
            " Name it with --trackmania-path or TRACKMANIA_BASE_PATH.",
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
            yield user / "My Documents"  # what older versions of Wine call it
    yield home / "Documents"


def _known_documents() -> Path | None:
    """Where Windows itself says they are, whatever they are called and wherever they were moved to."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    # FOLDERID_Documents: learn.microsoft.com, KNOWNFOLDERID
    wanted = (ctypes.c_ubyte * 16).from_buffer_copy(bytes.fromhex("d09ad3fd8f23af46adb46c85480369c7"))
    shell, ole = ctypes.WinDLL("shell32"), ctypes.WinDLL("ole32")
    shell.SHGetKnownFolderPath.argtypes = [
        ctypes.c_void_p,
        wintypes.DWORD,
        wintypes.HANDLE,
        ctypes.POINTER(ctypes.c_wchar_p),
    ]
    ole.CoTaskMemFree.argtypes = [ctypes.c_wchar_p]
    told = ctypes.c_wchar_p()
    if shell.SHGetKnownFolderPath(ctypes.byref(wanted), 0, None, ctypes.byref(told)) != 0 or not told.value:
        return None
    try:
        return Path(told.value)
    finally:
        ole.CoTaskMemFree(told)


class GameFiles:
    """Maps and scripts for one game. `instance` tells it from the others of this process: its port, say."""

    def __init__(self, folders: GameFolders, instance: str) -> None:
        self._folders = folders
        self._mark = f"{me()}-{safe_name(instance)}"

    def put_map(self, name: str, data: bytes) -> str:
        """A map, for the console's `map`: its path below the challenges, with `/`.

        To be put there before the game is started, which looks through its folders only then (sheet (d), GEN).
        """
        file = f"{safe_name(name)}.Challenge.Gbx"
        there = self._folders.maps / file
        with disk_errors(str(self._folders.maps), instead=NAME_GAME):
            self._folders.maps.parent.mkdir(parents=True, exist_ok=True)
            with alone_in(self._folders.maps.parent):
                self._folders.maps.mkdir(exist_ok=True)
                (self._folders.maps / f"{_IN_USE}{self._mark}.txt").touch()
                if not (there.is_file() and there.stat().st_size == len(data) and there.read_bytes() == data):
                    self._write(there, data, NAME_GAME)
        return f"{OURS}/{file}"

    def put_script(self, name: str, script: str) -> str:
        """A script, for the console's `load`: its file name. Raises BadInput if it is not ASCII."""
        file = f"{self._script_prefix}{safe_name(name)}.txt"
        try:
            data = script.encode("ascii")
        except UnicodeEncodeError as error:
            raise BadInput(f"script {file}: {error.object[error.start]!r} is not ASCII", code="input.script") from error
        with disk_errors(str(self._folders.scripts), instead=NAME_TMINTERFACE):
            self._folders.scripts.mkdir(parents=True, exist_ok=True)
        self._write(self._folders.scripts / file, data, NAME_TMINTERFACE)
        return file

    def sweep(self) -> None:
        """Take our scripts away, and those of processes that were killed; our maps, when nobody uses them any more."""
        sweep_leftovers(self._folders, ours=self._mark)

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


def sweep_leftovers(folders: GameFolders, *, ours: str | None = None) -> None:
    """Take away what killed processes have left of scripts and maps, and what is of `ours`. Files in use stay."""

    _unlink_nobodys(folders.scripts, f"{OURS}_*", ours)
    if not folders.maps.is_dir():
        return
    with disk_errors(str(folders.maps), instead=NAME_GAME), alone_in(folders.maps.parent):
        _unlink_nobodys(folders.maps, f"{OURS}_*", ours)
        _unlink_nobodys(folders.maps, f"{_IN_USE}*", ours)
        if any(folders.maps.glob(f"{_IN_USE}*")):
            return
        for file in folders.maps.glob("*.Challenge.Gbx"):
            with suppress(OSError):
                file.unlink()
        with suppress(OSError):  # something is in it that is not ours
            folders.maps.rmdir()


def _unlink_nobodys(folder: Path, pattern: str, ours: str | None) -> None:
    for file in folder.glob(pattern):
        owner = owner_in(file.name)
        mine = ours is not None and (f"{ours}_" in file.name or f"{ours}." in file.name)
        if mine or (owner is not None and not owner.lives()):
            with suppress(OSError):  # held open by somebody: the next one takes it
                file.unlink()
