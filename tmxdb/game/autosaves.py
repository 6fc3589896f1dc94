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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import GameTrouble
from tmxdb.game.alone import alone_in
from tmxdb.game.folders import NAME_GAME
from tmxdb.game.owners import Owner, me, owner_in
from tmxdb.storage import NewFile, disk_errors

ENDING = ".Replay.gbx"
_NOTE, _SAVED, _KEPT, _PARTIAL = ".tmxdb-lent", ".tmxdb-saved", ".tmxdb-kept", ".tmxdb-partial"
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
    owner: Owner

    @classmethod
    def read(cls, note: Path) -> _Loan | None:
        """None if there is none, or if it was cut off: then its writer was killed before anything was moved."""
        try:
            told: Any = json.loads(note.read_text("utf-8"))
            owner = owner_in(told["owner"])
            # Its own name says what it is about: what stands in it chooses no path.
            name = note.name.removesuffix(_NOTE)
            return None if owner is None else cls(name, bool(told["was_there"]), told["ours"], owner)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, note: Path) -> None:
        with open(note, "w", encoding="utf-8") as file:
            json.dump({"was_there": self.was_there, "ours": self.ours, "owner": str(self.owner)}, file)
            file.flush()
            os.fsync(file.fileno())


class Autosaves:
    """For one game at a time; two of them, also of two processes, never lend the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lent: list[str] = []

    def put(self, username: str, map_name: str, replay: bytes) -> Path:
        """Our replay in the place of the user's own. Raises GameTrouble (game.autosave_busy) if it is lent already."""
        name = autosave_name(username, map_name)
        with disk_errors(str(self._folder), instead=NAME_GAME):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lend(name, ours=hashlib.sha256(replay).hexdigest())
            target = self._folder / name
            partial = self._folder / f"{name}.{me()}{_PARTIAL}"
            file = NewFile(str(partial), str(target), str(target), make_folders=lambda: None, instead=NAME_GAME)
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
        with disk_errors(str(self._folder), instead=NAME_GAME):
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
        if not self._lent:
            return
        with disk_errors(str(self._folder), instead=NAME_GAME), alone_in(self._folder):
            while self._lent:
                note = self._folder / f"{self._lent[-1]}{_NOTE}"
                loan = _Loan.read(note)
                if loan is not None and loan.owner == me():
                    # What is there now came while it was lent: ours, or the game's own save of our race.
                    _restore(self._folder, loan, known_origin=True)
                    note.unlink()
                self._lent.pop()

    def _lend(self, name: str, ours: str | None) -> None:
        note, saved, target = (self._folder / f"{name}{ending}" for ending in (_NOTE, _SAVED, ""))
        with alone_in(self._folder):
            loan = _Loan.read(note)
            if loan is not None and loan.owner.lives():
                raise GameTrouble(
                    f"{name}: another game is using this name in Autosaves (two maps may have one name);"
                    " tried again later.",
                    code="game.autosave_busy",
                )
            _recover(self._folder, name)
            self._lent.append(name)
            _Loan(name, target.exists(), ours, me()).write(note)
            with suppress(FileNotFoundError):
                os.rename(target, saved)


def recover_autosaves(folder: Path) -> int:
    """Give back what killed processes have lent; answers how many files. To be called before anything is lent."""
    if not folder.is_dir():
        return 0
    with disk_errors(str(folder), instead=NAME_GAME), alone_in(folder):
        for partial in folder.glob(f"*{_PARTIAL}"):
            owner = owner_in(partial.name)
            if owner is not None and not owner.lives():
                partial.unlink(missing_ok=True)  # published, and its owner killed, since it was listed
        names = {file.name.removesuffix(ending) for ending in (_NOTE, _SAVED) for file in folder.glob(f"*{ending}")}
        return sum(_recover(folder, name) for name in sorted(names))


def lent(folder: Path) -> list[str]:
    """The names that are lent now, for whoever looks."""
    return sorted(note.name.removesuffix(_NOTE) for note in folder.glob(f"*{_NOTE}"))


def _recover(folder: Path, name: str) -> bool:
    """Put back what a killed process has lent under this name, if one has. Only while alone in the folder."""
    note, saved, target = (folder / f"{name}{ending}" for ending in (_NOTE, _SAVED, ""))
    loan = _Loan.read(note)
    if loan is not None and loan.owner.lives():
        return False
    if loan is not None:
        _restore(folder, loan, known_origin=False)
    elif saved.exists():  # somebody has deleted the note; the name still says what it is
        os.rename(saved, _kept(target) if target.exists() else target)
    elif not note.exists():
        return False
    note.unlink(missing_ok=True)
    return True


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


def _kept(target: Path) -> Path:
    """A name beside it that is free."""
    number = 1
    while (kept := target.with_name(f"{target.name}{_KEPT}-{number}")).exists():
        number += 1
    return kept


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
