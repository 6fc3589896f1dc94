"""What a film shows of a run: its line, inputs, checkpoints, and its captured frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tmxdb.capture.output.reader import CapturedFrame, shows_ghost
from tmxdb.gbx import Challenge, Replay
from tmxdb.pictures.contact_sheet import steering
from tmxdb.pictures.controls import ControlSteps, control_steps
from tmxdb.pictures.driven_line import DrivenLine, ghost_line, strokes


@dataclass(frozen=True, slots=True)
class RunState:
    """A run at one time. `steer` is -1 (left) to 1 (right); `crossed`: how many checkpoints; `position`: x, z."""

    time_ms: int
    speed_kmh: float
    accelerate: bool
    brake: bool
    steer: float
    crossed: int
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class CrossedCheckpoint:
    """A checkpoint that a run has crossed. `delta_ms`: how much later than the other run; None without one."""

    name: str
    time_ms: int
    delta_ms: int | None


@dataclass(frozen=True)
class FilmRun:
    """A run. `folder` and `frames` are those of a capture; without one there are no frames."""

    name: str
    line: DrivenLine | None
    steps: ControlSteps | None
    crossings_ms: Sequence[int | None]
    end_ms: int
    map_uid: str | None
    challenge: Challenge | None = None
    folder: Path | None = None
    frames: Sequence[CapturedFrame] = ()
    is_ghost: bool = False
    """Whether the frames show a watched ghost, so that only the replay says what the car does."""
    strokes: Sequence[range] = field(init=False)
    """The parts of the line between respawns."""

    def __post_init__(self) -> None:
        parts = strokes(self.line, self.steps.respawns_ms if self.steps else ()) if self.line else []
        object.__setattr__(self, "strokes", parts)

    def frame_at(self, time_ms: int) -> CapturedFrame:
        """Return the last frame at or before a time; the first one before it."""
        return self.frames[max(0, bisect_right(self.frames, time_ms, key=lambda frame: frame.time_ms) - 1)]

    def captured_state(self, time_ms: int) -> RunState:
        """Return what the game reported with the frame of a time; of a watched ghost, what the replay says."""
        if self.is_ghost:
            return self.state(time_ms)
        frame = self.frame_at(time_ms)
        inputs = frame.entry["inputs"]
        pressed = (inputs["accelerate"], inputs["brake"], steering(inputs))
        return RunState(min(time_ms, self.end_ms), frame.speed_kmh, *pressed, self._crossed(time_ms))

    def state(self, time_ms: int) -> RunState:
        """Return what the replay says of a time: the car between two samples of its ghost, and the inputs."""
        time_ms = min(time_ms, self.end_ms)
        pressed = (False, False, 0.0)
        if self.steps is not None:
            pressed = (
                bool(_value(self.steps.accelerate, time_ms)),
                bool(_value(self.steps.brake, time_ms)),
                _value(self.steps.steer, time_ms),
            )
        position, speed_kmh = self._car(time_ms)
        return RunState(time_ms, speed_kmh, *pressed, self._crossed(time_ms), position)

    def _crossed(self, time_ms: int) -> int:
        return sum(crossing is not None and crossing <= time_ms for crossing in self.crossings_ms)

    def _car(self, time_ms: int) -> tuple[tuple[float, float] | None, float]:
        line = self.line
        if line is None or not line.times_ms:
            return None, 0.0
        after = bisect_right(line.times_ms, time_ms)
        before = max(0, after - 1)
        if after >= len(line.times_ms) or after == 0 or any(after == part.start for part in self.strokes):
            return (line.x[before], line.z[before]), line.speed_kmh[before]  # a respawn moves the car at once
        share = (time_ms - line.times_ms[before]) / max(1, line.times_ms[after] - line.times_ms[before])
        x, z, speed = (
            values[before] + share * (values[after] - values[before]) for values in (line.x, line.z, line.speed_kmh)
        )
        return (x, z), speed


def film_run(name: str, replay: Replay, folder: Path | None = None, frames: Sequence[CapturedFrame] = ()) -> FilmRun:
    """Return a run of a replay file, and of a capture of it if there is one. Raise GbxError if it is damaged."""
    line = ghost_line(replay)
    end_ms = replay.race_time_ms or (line.times_ms[-1] if line and line.times_ms else 0)
    if frames:
        end_ms = max(end_ms, frames[-1].time_ms)
    steps = control_steps(replay.inputs, end_ms) if replay.inputs else None
    crossings = replay.checkpoints_ms or ()
    is_ghost = folder is not None and bool(frames) and shows_ghost(folder)
    return FilmRun(name, line, steps, crossings, end_ms, replay.map_uid, replay.challenge, folder, frames, is_ghost)


def last_crossing(run: FilmRun, other: FilmRun | None, crossed: int) -> CrossedCheckpoint | None:
    """Return the last checkpoint of a run that has crossed this many, compared with another run."""
    known = [(number, time_ms) for number, time_ms in enumerate(run.crossings_ms) if time_ms is not None]
    if not 0 < crossed <= len(known):
        return None
    number, time_ms = known[crossed - 1]
    others = other.crossings_ms[number] if other is not None and number < len(other.crossings_ms) else None
    name = "finish" if number == len(run.crossings_ms) - 1 else f"CP {number + 1}"
    return CrossedCheckpoint(name, time_ms, None if others is None else time_ms - others)


def _value(steps: Sequence[tuple[int, float]], time_ms: int) -> float:
    return steps[max(0, bisect_right(steps, time_ms, key=lambda step: step[0]) - 1)][1]
