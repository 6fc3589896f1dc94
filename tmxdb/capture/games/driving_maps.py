"""The maps that a game drives on: copies in its folder, with or without their MediaTracker clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tmxdb.errors import GbxError
from tmxdb.game.folders import GameFiles
from tmxdb.gbx.map_body.without_clips import without_clips


@dataclass(frozen=True, slots=True)
class DrivingMap:
    """`name`: for the console command `map`. `clips_removed`: whether it has lost clips. `is_new`: it was not there."""

    name: str
    clips_removed: bool
    is_new: bool


class DrivingMaps:
    """Writes maps to the folder of one game.

    `cut_intro`: without their clips, under a name of their own. Assumed, because no source says otherwise: the game
    takes a map whose chunk of clips is empty for the same one, as its uid stays, and validates no replay on it while
    tmxdb drives (docs/facts/tminterface.md#problems).
    """

    def __init__(self, files: GameFiles, *, cut_intro: bool, note: Callable[[str], None]) -> None:
        self._files, self._cut_intro, self._note = files, cut_intro, note
        self.copied: set[str] = set()
        """The keys of all maps written so far."""

    def write(self, key: str, data: bytes) -> DrivingMap:
        """Write a map, and return its name in the game. A map whose clips cannot be cut out is written as it is."""
        cut = self._cut(key, data) if self._cut_intro else data
        clips_removed = cut != data
        file = f"{key}-cut" if clips_removed else key
        is_new = not self._files.has_map(file, cut)
        name = self._files.write_map(file, cut)
        self.copied.add(key)
        return DrivingMap(name, clips_removed, is_new)

    def _cut(self, key: str, data: bytes) -> bytes:
        try:
            return without_clips(data)
        except GbxError as error:
            self._note(f"map {key}: its MediaTracker clips stay, because they cannot be cut out ({error}).")
            return data
