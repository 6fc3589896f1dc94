"""The user's own replays in the game's Autosaves, lent for a race and given back whatever happens.

The game shows the replay `{Username}_{MapName}.Replay.gbx` there as a ghost. To have it drive another one, ours is put
in its place; to have none in the picture, it is put aside. In both cases a note beside it, written before anything is
moved, says whose it is and what was there, so that the next tmxdb can put all of it back after a crash. Nothing of
which it is not known where it came from is ever deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import GameTrouble
from tmxdb.game.owners import me, owner_in
from tmxdb.storage import NewFile, disk_errors

ENDING = ".Replay.gbx"
_NOTE, _SAVED, _KEPT, _PARTIAL = ".tmxdb-lent", ".tmxdb-saved", ".tmxdb-kept", ".tmxdb-partial"
_BEING_WRITTEN_S = 60.0
"""A note without words is one being written; after this long, one whose writer was killed."""
# learn.microsoft.com, "Naming Files, Paths, and Namespaces": what no file name there may have
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def autosave_name(username: str, map_name: str) -> str:
    """The file's name for a map whose plain name (no style codes) is this.

    Assumed, for the sheet is silent (f): the game leaves style codes out, and writes `_` for what a name may not have.
    """
    return f"{_FORBIDDEN.sub('_', username)}_{_FORBIDDEN.sub('_', map_name)}{ENDING}"


@dataclass(frozen=True, slots=True)
class _Loan:
    """What stands in a note. `ours`: the hash of what we have put there, or None if nothing."""

    name: str
    was_there: bool
    ours: str | None

    @classmethod
    def read(cls, note: Path) -> _Loan | None:
        """None if it is not written yet, or never will be."""
        try:
            told: Any = json.loads(note.read_text("utf-8"))
            return cls(str(told["name"]), bool(told["was_there"]), told["ours"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Autosaves:
    """For one game at a time; two of them, also of two processes, never lend the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lent: list[str] = []

    def put(self, username: str, map_name: str, replay: bytes) -> Path:
        """Our replay in the place of the user's own. Raises GameTrouble (game.autosave_busy) if it is lent already."""
        name = autosave_name(username, map_name)
        with disk_errors(str(self._folder)):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lend(name, ours=hashlib.sha256(replay).hexdigest())
            target = self._folder / name
            partial = self._folder / f"{name}.{me()}{_PARTIAL}"
            file = NewFile(str(partial), str(target), str(target), make_folders=lambda: None)
            try:
                file.write(replay)
                file.publish()
            finally:
                file.discard()
        return target

    def hide(self, map_name: str, username: str | None = None) -> int:
        """Put the replays of this map aside, whoever of this computer drove them; answers how many.

        With `username`, what the game saves meanwhile under that name is taken away again at the end.
        """
        ending = autosave_name("", map_name).casefold()
        with disk_errors(str(self._folder)):
            if not self._folder.is_dir():
                return 0
            names = {file.name for file in self._folder.iterdir() if file.name.casefold().endswith(ending)}
            if username is not None:
                names.add(autosave_name(username, map_name))
            for name in sorted(names):
                self._lend(name, ours=None)
        return len(names)

    def give_back(self) -> None:
        """All as it was before. Raises DiskTrouble; may be called again then."""
        with disk_errors(str(self._folder)):
            while self._lent:
                name = self._lent[-1]
                loan = _Loan.read(self._folder / f"{name}{_NOTE}")
                if loan is not None:
                    # What is there now came while it was lent: ours, or the game's own save of our race.
                    _restore(self._folder, loan, known_origin=True)
                (self._folder / f"{name}{_NOTE}").unlink(missing_ok=True)
                self._lent.pop()

    def _lend(self, name: str, ours: str | None) -> None:
        note = self._folder / f"{name}{_NOTE}"
        saved = self._folder / f"{name}{_SAVED}"
        target = self._folder / name
        handle = _claim(note)
        if handle is None:
            raise _busy(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                if saved.exists() or any(True for _ in _notes(self._folder, f"{name}{_NOTE}.")):
                    raise _busy(name)  # somebody is just putting it back
                owner = str(me())
                json.dump({"name": name, "was_there": target.exists(), "ours": ours, "owner": owner}, file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            note.unlink()
            raise
        self._lent.append(name)
        with suppress(FileNotFoundError):
            os.rename(target, saved)


def recover_autosaves(folder: Path) -> int:
    """Give back what killed processes have lent; answers how many files. To be called before anything is lent.

    A note is taken over by renaming it, which only one of many can do.
    """
    if not folder.is_dir():
        return 0
    recovered = 0
    with disk_errors(str(folder)):
        for note in list(_notes(folder, "")):
            name, _, taken_by = note.name.partition(_NOTE)
            if _lives(note, taken_by):
                continue
            mine = folder / f"{name}{_NOTE}.{me()}"
            try:
                os.rename(note, mine)
            except (FileNotFoundError, FileExistsError):  # another one was quicker
                continue
            loan = _Loan.read(mine)
            if loan is not None and loan.name == name:
                _restore(folder, loan, known_origin=False)
            mine.unlink(missing_ok=True)
            recovered += 1
        for saved in folder.glob(f"*{_SAVED}"):
            _restore_without_note(saved)
        for partial in folder.glob(f"*{_PARTIAL}"):
            owner = owner_in(partial.name)
            if owner is not None and not owner.lives():
                partial.unlink(missing_ok=True)
    return recovered


def lent(folder: Path) -> list[str]:
    """The names that are lent now, for whoever looks."""
    return sorted({note.name.partition(_NOTE)[0] for note in _notes(folder, "")}) if folder.is_dir() else []


def _restore(folder: Path, loan: _Loan, *, known_origin: bool) -> None:
    target, saved = folder / loan.name, folder / f"{loan.name}{_SAVED}"
    if loan.was_there and not saved.exists():
        return  # killed before it was moved: what is there is still the user's
    if target.exists() and not known_origin and _hash(target) != loan.ours:
        # Days may have passed: it may be a better run of the user's own.
        if not loan.was_there:
            return
        os.rename(target, _kept(target))
    if saved.exists():
        os.replace(saved, target)
    else:
        target.unlink(missing_ok=True)


def _restore_without_note(saved: Path) -> None:
    """Somebody has deleted the note; the name still says what it is."""
    target = saved.with_name(saved.name.removesuffix(_SAVED))
    note = saved.with_name(f"{target.name}{_NOTE}")
    handle = None if any(True for _ in _notes(saved.parent, note.name)) else _claim(note)
    if handle is None:
        return  # lent, or just being put back
    os.close(handle)
    with suppress(FileNotFoundError):
        os.rename(saved, _kept(target) if target.exists() else target)
    note.unlink()


def _kept(target: Path) -> Path:
    """A name beside it that is free."""
    number = 1
    while (kept := target.with_name(f"{target.name}{_KEPT}-{number}")).exists():
        number += 1
    return kept


def _claim(note: Path) -> int | None:
    """A new file, or None if it is there already: of many only one gets it."""
    try:
        return os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return None


def _notes(folder: Path, beginning: str) -> Iterable[Path]:
    return (file for file in folder.iterdir() if _NOTE in file.name and file.name.startswith(beginning))


def _lives(note: Path, taken_by: str) -> bool:
    """Whether somebody is at work on it: its owner, or who is giving it back already."""
    owner = owner_in(taken_by) if taken_by else _owner_of(note)
    if owner is not None:
        return owner.lives()
    with suppress(FileNotFoundError):
        return time.time() - note.stat().st_mtime < _BEING_WRITTEN_S
    return True


def _owner_of(note: Path) -> Any:
    with suppress(OSError, ValueError, AttributeError, TypeError):
        return owner_in(json.loads(note.read_text("utf-8"))["owner"])
    return None


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _busy(name: str) -> GameTrouble:
    return GameTrouble(
        f"{name}: another game is using this name in Autosaves (two maps may have one name); tried again later.",
        code="game.autosave_busy",
    )
