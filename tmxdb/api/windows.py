"""Windows of consecutive frames, and an order to read them in. `tmxdb.torch` makes data sets of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tmxdb.api.captures import MirroredCapture
from tmxdb.arrays.pictures import frame_pixels
from tmxdb.capture.frame_plan import FramePlan
from tmxdb.capture.output.reader import CapturedFrame
from tmxdb.capture.settings import parse_settings
from tmxdb.export.frames.split import split_of

INPUTS = ("accelerate", "brake", "left", "right", "steer", "gas")
"""Columns of `inputs`: keys are 0 or 1, axes -1 to 1."""
_FULL = 65536
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Run:
    """The labels of one capture as arrays of shape (N, …), without its pictures."""

    capture_id: int
    replay_id: int
    track_id: int
    folder: Path
    files: tuple[str, ...] = field(repr=False)
    steps: NDArray[np.int64] = field(repr=False)
    times_ms: NDArray[np.int64] = field(repr=False)
    due_ms: NDArray[np.int64] = field(repr=False)
    """When each frame was due. Only the frame of a finish may be earlier, and a late one is later."""
    action_idx: NDArray[np.int64] = field(repr=False)
    inputs: NDArray[np.float32] = field(repr=False)
    """Shape (N, 6), see `INPUTS`."""
    positions: NDArray[np.float32] = field(repr=False)
    """Metres, shape (N, 3)."""
    speeds_kmh: NDArray[np.float32] = field(repr=False)

    def starts(self, length: int, stride: int) -> NDArray[np.int64]:
        """Return the frames at which a window of `length` frames can begin.

        No window contains a missed frame. The frame of a finish that was not due follows the one before it after a
        shorter step, so only windows of one frame contain it.
        """
        n = len(self.steps) - length + 1
        if n <= 0:
            return np.empty(0, dtype=np.int64)
        whole = self.steps[length - 1 :] - self.steps[:n] == length - 1
        if length > 1:
            whole &= (self.times_ms >= self.due_ms)[length - 1 :]
        return np.flatnonzero(whole)[::stride]


def read_run(capture: MirroredCapture) -> Run:
    """Read the labels of a capture. Raise InvalidInput if its folder is damaged."""
    frames, plan = list(capture.frames()), FramePlan(parse_settings(capture.facts["settings"]))
    scale = np.array([1, 1, 1, 1, _FULL, _FULL], dtype=np.float32)
    inputs = np.array([[frame.inputs[name] for name in INPUTS] for frame in frames], dtype=np.float32) / scale
    return Run(
        capture.capture_id,
        capture.replay_id,
        capture.track_id,
        capture.folder,
        tuple(frame.entry.file for frame in frames),
        np.array([frame.step for frame in frames], dtype=np.int64),
        np.array([frame.time_ms for frame in frames], dtype=np.int64),
        np.array([plan.due_ms(frame.step) for frame in frames], dtype=np.int64),
        np.array([frame.action_idx for frame in frames], dtype=np.int64),
        inputs,
        np.array([frame.entry.position for frame in frames], dtype=np.float32),
        np.array([frame.entry.speed_kmh for frame in frames], dtype=np.float32),
    )


def in_split(
    captures: Iterable[MirroredCapture], shares: Mapping[str, float], name: str, *, seed: int = 0
) -> Iterator[MirroredCapture]:
    """Return the captures in the part `name`. The map decides, as in `tmxdb export frames --split`.

    `shares`: `{"train": 0.9, "val": 0.1}`, divided by their sum. Raise ValueError if a share is not above 0 or `name`
    is not one of the parts, and InvalidInput where the folder of a capture is damaged.
    """
    if name not in shares:
        raise ValueError(f"no part {name!r}; the parts are {', '.join(shares) or 'missing'}")
    if not all(0 < share < math.inf for share in shares.values()):
        raise ValueError(f"each share must be above 0: {dict(shares)}")
    total = sum(shares.values())
    normal = {part: share / total for part, share in shares.items()}
    return (
        capture
        for capture in captures
        if split_of(normal, map_uid=capture.map_uid or "", track_id=capture.track_id, seed=seed) == name
    )


class Windows:
    """All windows of `length` consecutive frames of some captures, by number. No window crosses runs or missed frames.

    Steps between frames are those of the captures' `fps`: a longer window never contains the frame of a finish that was
    not due. A late frame shows a later tick, and `times_ms` has it.

    A window is a dictionary: `frames` (uint8, shape (length, height, width, 3), or what `transform` makes of each
    picture, stacked), `action_idx` (int64, (length,)), `inputs` (float32, (length, 6)), `positions` (metres, float32,
    (length, 3)), `speeds_kmh` (float32, (length,)), `times_ms` (int64, (length,)), `capture_id`, `replay_id` and
    `track_id`. Labels are those of the tick that a picture shows.
    """

    def __init__(
        self,
        captures: Iterable[MirroredCapture],
        *,
        length: int = 1,
        stride: int = 1,
        transform: Callable[[Pixels], NDArray[Any]] | None = None,
    ) -> None:
        """`stride`: frames between the beginnings of two windows. Labels are read at once, pictures when they are used.

        Raise ValueError if `length` or `stride` is less than 1, and InvalidInput if a capture is damaged.
        """
        if length < 1 or stride < 1:
            raise ValueError(f"length and stride must be 1 or more, not {length} and {stride}")
        self.runs = [read_run(capture) for capture in captures]
        self.length, self._transform = length, transform
        self._starts = [run.starts(length, stride) for run in self.runs]
        self._ends = np.cumsum([len(starts) for starts in self._starts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Return a window. Raise IndexError beyond the last one, and InvalidInput if a picture is damaged."""
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        at = int(np.searchsorted(self._ends, number, side="right"))
        run, starts = self.runs[at], self._starts[at]
        begin = int(starts[number - (int(self._ends[at]) - len(starts))])
        frames = slice(begin, begin + self.length)
        # Copies: windows overlap, and one that is changed in place must not change the others.
        return {
            "frames": np.stack([self._picture(run, place) for place in range(begin, begin + self.length)]),
            "action_idx": run.action_idx[frames].copy(),
            "inputs": run.inputs[frames].copy(),
            "positions": run.positions[frames].copy(),
            "speeds_kmh": run.speeds_kmh[frames].copy(),
            "times_ms": run.times_ms[frames].copy(),
            "capture_id": run.capture_id,
            "replay_id": run.replay_id,
            "track_id": run.track_id,
        }

    def _picture(self, run: Run, place: int) -> NDArray[Any]:
        frame = CapturedFrame(run.files[place], int(run.steps[place]), int(run.times_ms[place]), {}, place)
        pixels = frame_pixels(run.folder, frame)
        return pixels if self._transform is None else self._transform(pixels.copy())  # which may change it in place
