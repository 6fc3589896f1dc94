"""Captured runs of a mirror: their frames and labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmxdb.api.paging import Facts
from tmxdb.capture.output.actions import action_index
from tmxdb.capture.output.reader import CapturedFrame, read_frames, read_jpeg, read_metadata, unlabelled
from tmxdb.paths import for_user

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tmxdb.arrays.telemetry import Telemetry

MAX_FRAME = 60
"""Characters of the name of a frame, with some to spare."""


@dataclass(frozen=True)
class CapturedPicture:
    """One frame of a capture. The picture is read on demand."""

    folder: Path
    entry: CapturedFrame = field(repr=False)
    unlabelled: int | None = field(default=None, repr=False)
    """The id of the capture if it shows a watched ghost; `inputs`, `action_idx` and `state` then raise InvalidInput."""

    @property
    def step(self) -> int:
        """Number among the due frames; numbers of missed frames are not used."""
        return self.entry.step

    @property
    def time_ms(self) -> int:
        """Race time of the tick that the picture shows."""
        return self.entry.time_ms

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Keys as booleans; `steer` and `gas` from -65536 to 65536."""
        return self._label("inputs")

    @property
    def action_idx(self) -> int:
        """Index into the table of 12 actions."""
        return action_index(**self.inputs)

    @property
    def state(self) -> Mapping[str, Any]:
        """The car at that tick, as in `manifest.json`."""
        return self._label("state")

    def _label(self, name: str) -> Mapping[str, Any]:
        if self.unlabelled is not None:
            raise unlabelled(self.unlabelled)
        label: Mapping[str, Any] = self.entry.entry[name]
        return label

    def jpeg(self) -> bytes:
        """Return the JPEG, unchanged; from a video, its picture as a JPEG of quality 95.

        Raise InvalidInput if the file is missing or damaged.
        """
        return read_jpeg(self.folder, self.entry)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the picture: uint8, shape (height, width, 3), RGB, top row first. The array can be changed.

        Raise InvalidInput if the file is missing or damaged, or if NumPy or Pillow is not installed.
        """
        from tmxdb.arrays.pictures import frame_pixels

        return frame_pixels(self.folder, self.entry).copy()  # Pillow's own array is read-only, of which PyTorch warns


@dataclass(frozen=True)
class MirroredCapture:
    """A finished capture. `facts` has all columns of its row in `captures`: docs/reference/schema.md."""

    facts: Facts = field(repr=False)
    data: Path = field(repr=False)
    """The data folder."""

    def __repr__(self) -> str:
        return f"MirroredCapture(capture_id={self.capture_id}, replay_id={self.replay_id}, track_id={self.track_id})"

    @property
    def capture_id(self) -> int:
        """Number of the capture in this database."""
        return int(self.facts["capture_id"])

    @property
    def replay_id(self) -> int:
        """The replay that was driven."""
        return int(self.facts["replay_id"])

    @property
    def track_id(self) -> int:
        """The site's id of its track."""
        return int(self.facts["track_id"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """Capture settings: width, height, fps …"""
        settings: Mapping[str, Any] = json.loads(self.facts["settings"])
        return settings

    @property
    def folder(self) -> Path:
        """The folder of its frames."""
        return for_user(self.data.joinpath(*self.facts["folder_path"].split("/")), room=MAX_FRAME)

    @property
    def map_uid(self) -> str | None:
        """The uid of the map that was driven, from `metadata.json`; None if that has none. Raise as `metadata` does."""
        uid: str | None = self.metadata.get("map_uid")
        return uid

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The facts of the whole run, from `metadata.json`. Raise InvalidInput if it is missing or damaged."""
        return read_metadata(self.folder)

    @cached_property
    def telemetry(self) -> Telemetry | None:
        """Inputs and car at every tick as arrays; None if the capture has none.

        Raise InvalidInput if it is damaged, or if NumPy or, for a Parquet file, pyarrow is not installed.
        """
        from tmxdb.arrays.telemetry import telemetry_of

        return telemetry_of(self.folder, self.metadata)

    def frames(self) -> Iterator[CapturedPicture]:
        """Yield the frames in the order of time. Raise InvalidInput where the folder is damaged."""
        folder = self.folder
        is_ghost = self.settings.get("drive") == "ghost"
        for entry in read_frames(folder):
            yield CapturedPicture(folder, entry, self.capture_id if is_ghost else None)
