"""The user's replays in the game's Autosaves folder: replaced or hidden for a race, and restored afterwards.

The game shows the replay `{Username}_{MapName}.Replay.gbx` as a ghost. To show another ghost, tmxdb puts its replay
under that name; to show none, it moves the user's file out of the way. A note beside the file, written before anything
moves, records the owning process and whether a file was there, so the next tmxdb can restore it after a crash. A file
of unknown origin is never deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import GameError, PermanentError
from tmxdb.game.advice import SET_GAME_FOLDER
from tmxdb.game.locks.folder_lock import folder_lock
from tmxdb.process_identity import ProcessIdentity, process_in, this_process
from tmxdb.storage import NewFile, disk_errors
from tmxdb.storage.durable import rename, replace, unlink

ENDING = ".Replay.gbx"
MAX_NAME_BYTES = 255
"""The longest file name of ext4 and of NTFS (in UTF-16 units). No longer name can exist."""
_NOTE, _SAVED, _KEPT, _PARTIAL = ".tmxdb-lent", ".tmxdb-saved", ".tmxdb-kept", ".tmxdb-partial"
# Characters that Windows allows in no file name: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def autosave_name(username: str, map_name: str) -> str:
    """Return the file name for a map with this plain name (without style codes).

    Assumed: the game drops style codes and writes `_` for characters that a file name cannot have. The name's form is
    docs/facts/tminterface.md#folders; the replacement character is not established.
    """
    return f"{_FORBIDDEN.sub('_', username)}_{_FORBIDDEN.sub('_', map_name)}{ENDING}"


@dataclass(frozen=True, slots=True)
class _BackupNote:
    """The contents of a note. `ours`: hash of the replay that tmxdb put there; None if it put none."""

    name: str
    was_there: bool
    ours: str | None
    owner: ProcessIdentity

    @classmethod
    def read(cls, path: Path) -> _BackupNote | None:
        """Return the note, or None if it is missing or cut off: its writer was killed before anything moved."""
        try:
            fields: Any = json.loads(path.read_text("utf-8"))
            owner = process_in(fields["owner"])
            # The note's own name says which file it is about: its contents choose no path.
            name = path.name.removesuffix(_NOTE)
            return None if owner is None else cls(name, bool(fields["was_there"]), fields["ours"], owner)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"was_there": self.was_there, "ours": self.ours, "owner": str(self.owner)}, file)
            file.flush()
            os.fsync(file.fileno())


class Autosaves:
    """The files of one game. Two games, also of different processes, never change the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[str] = []

    def replace(self, username: str, map_name: str, replay: bytes) -> Path:
        """Put `replay` in the place of the user's own.

        Raise GameError (game.autosave_busy) if another game has changed that file, PermanentError (capture.map_name) if
        the name is too long for a file, and RetryLater (disk.in_use) if another program holds the file open.
        """
        name = autosave_name(username, map_name)
        if not _fits(name):
            raise _name_too_long(name)
        with disk_errors(str(self._folder), instead=SET_GAME_FOLDER):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._hold(name, ours=hashlib.sha256(replay).hexdigest())
            target = self._folder / name
            partial = self._folder / f"{name}.{this_process()}{_PARTIAL}"
            if not _name_fits(partial.name):
                partial = self._folder / f"{this_process()}{_PARTIAL}"
            file = NewFile(str(partial), str(target), str(target), make_folders=lambda: None, instead=SET_GAME_FOLDER)
            try:
                file.write(replay)
                file.publish()
            finally:
                file.discard()
        return target

    def hide(self, map_name: str, username: str | None = None) -> int:
        """Move the replays of this map out of the way, of all logins, and return how many files that concerns.

        With `username`, what the game saves meanwhile under that name is removed again by `restore`. A name that is too
        long for a file can have no replay, so there is nothing to hide. Raise PermanentError (capture.map_name) if a
        replay exists whose name leaves no room for the backup.
        """
        ending = autosave_name("", map_name).casefold()
        with disk_errors(str(self._folder), instead=SET_GAME_FOLDER):
            if not self._folder.is_dir():
                return 0
            # Names that differ only in case are one file on Windows. Hidden twice, it would seem to be in use.
            found = (file.name for file in self._folder.iterdir() if file.name.casefold().endswith(ending))
            names = {os.path.normcase(name): name for name in found}
            own = autosave_name(username, map_name) if username is not None else None
            if own is not None and _fits(own):
                names.setdefault(os.path.normcase(own), own)
            if not all(map(_fits, names.values())):
                raise _name_too_long(max(names.values(), key=len))
            for name in sorted(names.values()):
                self._hold(name, ours=None)
        return len(names)

    def restore(self) -> None:
        """Put everything back as it was. Raise DiskError or RetryLater; it may then be called again."""
        if not self._held:
            return
        with disk_errors(str(self._folder), instead=SET_GAME_FOLDER), folder_lock(self._folder):
            while self._held:
                path = self._folder / f"{self._held[-1]}{_NOTE}"
                note = _BackupNote.read(path)
                if note is not None and note.owner == this_process():
                    # A file there now was written during our race: by tmxdb, or by the game saving the race.
                    _restore(self._folder, note, known_origin=True)
                    unlink(path)
                self._held.pop()

    @property
    def holds_files(self) -> bool:
        """Whether files are replaced or hidden now."""
        return bool(self._held)

    def _hold(self, name: str, ours: str | None) -> None:
        path, saved, target = (self._folder / f"{name}{ending}" for ending in (_NOTE, _SAVED, ""))
        with folder_lock(self._folder):
            note = _BackupNote.read(path)
            if note is not None and note.owner.is_alive():
                raise GameError(
                    f"{name}: another game is using this name in Autosaves (two maps may have the same name)."
                    " Trying again later.",
                    code="game.autosave_busy",
                )
            _recover(self._folder, name)
            self._held.append(name)
            _BackupNote(name, target.exists(), ours, this_process()).write(path)
            with suppress(FileNotFoundError):
                rename(target, saved)


def recover_autosaves(folder: Path) -> int:
    """Restore what killed processes left replaced or hidden, and return how many files. Call before any change."""
    if not folder.is_dir():
        return 0
    with disk_errors(str(folder), instead=SET_GAME_FOLDER), folder_lock(folder):
        for partial in folder.glob(f"*{_PARTIAL}"):
            owner = process_in(partial.name)
            if owner is not None and not owner.is_alive():
                unlink(partial, missing_ok=True)  # may have been published since it was listed
        names = {file.name.removesuffix(ending) for ending in (_NOTE, _SAVED) for file in folder.glob(f"*{ending}")}
        return sum(_recover(folder, name) for name in sorted(names))


def replaced_files(folder: Path) -> list[str]:
    """Return the names that are replaced or hidden now."""
    return sorted(note.name.removesuffix(_NOTE) for note in folder.glob(f"*{_NOTE}"))


def _recover(folder: Path, name: str) -> bool:
    """Restore this name if a killed process left it changed. The caller holds the folder lock."""
    path, saved, target = (folder / f"{name}{ending}" for ending in (_NOTE, _SAVED, ""))
    note = _BackupNote.read(path)
    if note is not None and note.owner.is_alive():
        return False
    if note is not None:
        _restore(folder, note, known_origin=False)
    elif saved.exists():  # the note was deleted; the file's name still says what it is
        rename(saved, _free_name(target) if target.exists() else target)
    elif not path.exists():
        return False
    unlink(path, missing_ok=True)
    return True


def _restore(folder: Path, note: _BackupNote, *, known_origin: bool) -> None:
    target, saved = folder / note.name, folder / f"{note.name}{_SAVED}"
    if note.was_there and not saved.exists():
        return  # killed before it was moved: the file is still the user's
    if target.exists() and not known_origin and _hash(target) != note.ours:
        # Days may have passed: it may be a better run of the user's own.
        if not note.was_there:
            return
        rename(target, _free_name(target))
    if saved.exists():
        replace(saved, target)
    else:
        unlink(target, missing_ok=True)


def _name_too_long(name: str) -> PermanentError:
    return PermanentError(
        f"{name[:60]}…: the map's name is too long to replace or hide its replays in Autosaves. Move that file to"
        " another folder, and capture with --drive script.",
        code="capture.map_name",
    )


def _fits(name: str) -> bool:
    """Return whether this file, its note and its copies can exist."""
    return _name_fits(f"{name}{_KEPT}-999")


def _name_fits(name: str) -> bool:
    return len(os.fsencode(name)) <= MAX_NAME_BYTES


def _free_name(target: Path) -> Path:
    """Return an unused name beside `target`."""
    number = 1
    while (kept := target.with_name(f"{target.name}{_KEPT}-{number}")).exists():
        number += 1
    return kept


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
