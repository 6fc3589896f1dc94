"""Tracks and replays of a mirror."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.api.paging import Facts
from tmxdb.errors import InvalidInput
from tmxdb.gbx import InputEvent, read_replay
from tmxdb.gbx import Replay as ReplayFile
from tmxdb.paths import for_user
from tmxdb.storage import Storage, id_name, unread

if TYPE_CHECKING:
    from tmxdb.arrays.line import Line
    from tmxdb.arrays.ticks import InputTicks


@dataclass(frozen=True)
class MirroredTrack:
    """A track of the exchange. `facts` has all columns of its row in `tracks`: docs/reference/schema.md."""

    facts: Facts = field(repr=False)

    def __repr__(self) -> str:
        return f"MirroredTrack(track_id={self.track_id}, name={self.name!r})"

    @property
    def track_id(self) -> int:
        """The site's id."""
        return int(self.facts["track_id"])

    @property
    def name(self) -> str | None:
        """Name on the site."""
        name: str | None = self.facts["name"]
        return name


@dataclass(frozen=True)
class MirroredReplay:
    """A replay. `facts` has all columns of its row in `replays`: docs/reference/schema.md."""

    facts: Facts = field(repr=False)
    data: Path = field(repr=False)
    """The data folder."""

    def __repr__(self) -> str:
        return f"MirroredReplay(replay_id={self.replay_id}, track_id={self.track_id})"

    @property
    def replay_id(self) -> int:
        """The site's id."""
        return int(self.facts["replay_id"])

    @property
    def track_id(self) -> int:
        """The site's id of its track."""
        return int(self.facts["track_id"])

    @property
    def race_time_ms(self) -> int | None:
        """Race time according to the file; None if the run did not finish or is not downloaded."""
        race_time_ms: int | None = self.facts["race_time_ms"]
        return race_time_ms

    @property
    def checkpoints_ms(self) -> tuple[int | None, ...]:
        """Time at each checkpoint, the finish included; None for one without a time."""
        return tuple(json.loads(self.facts["checkpoints_ms"] or "[]"))

    @property
    def path(self) -> Path:
        """The file. Raise InvalidInput if the replay is not downloaded."""
        if self.facts["file_path"] is None:
            raise InvalidInput(
                f"replay {id_name(self.replay_id)} is not downloaded. Run `tmxdb work --kind download`.",
                code="input.no_file",
            )
        return for_user(Storage(self.data).absolute(self.facts["file_path"]))

    @cached_property
    def file(self) -> ReplayFile:
        """The parsed file: all facts, ghosts and the embedded map. Raise GbxError if it is damaged.

        Raise InvalidInput if it is not on disk.
        """
        path = self.path
        try:
            return read_replay(path)
        except OSError as error:
            sentence = unread(error, str(path), get_again="Run `tmxdb verify --repair` to download it again.")
            raise InvalidInput(sentence, code="input.no_file") from error

    @property
    def inputs(self) -> tuple[InputEvent, ...]:
        """Every input event, in the order of time. Raise as `file` does."""
        return self.file.inputs

    @property
    def ticks(self) -> InputTicks:
        """The inputs at each tick of 10 ms, as NumPy arrays of shape (N,), computed at each use.

        Raise InvalidInput if the file has no inputs or NumPy is not installed; else as `file` does.
        """
        from tmxdb.arrays.ticks import read_ticks

        return read_ticks(self.file)

    @property
    def line(self) -> Line:
        """Positions (metres), velocities (m/s) and rotations of the best ghost, as NumPy arrays, computed at each use.

        Raise InvalidInput if the file has no samples or NumPy is not installed; else as `file` does.
        """
        from tmxdb.arrays.line import read_line

        return read_line(self.file)
