"""The inputs of a run as arrays, one value for each tick of 10 ms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tmxdb.capture.input_comparison import parse_script
from tmxdb.capture.output.actions import GAS_THRESHOLD, STEER_DEADZONE
from tmxdb.capture.settings import TICK_MS
from tmxdb.errors import InvalidInput
from tmxdb.gbx import Replay, read_replay
from tmxdb.gbx.script import to_script
from tmxdb.gbx.source import Source

Flags = NDArray[np.bool_]

MAX_RUN_MS = 24 * 3_600_000
"""Runs that a file says are longer have no arrays: they would fill the memory. The longest known has 93 minutes."""


@dataclass(frozen=True, eq=False)
class InputTicks:
    """The inputs that the driver gives at each tick of a run, all of shape (N,): race times 0, 10, 20 … ms.

    They drive the car from this tick to the next. A replay stores each change one tick later, and so have telemetry and
    captured frames it: their row of a tick has the inputs that drove the car there, those of the row before in these
    arrays. The sandbox's game does that; of the real one it is assumed (docs/facts/tminterface.md#not-established).
    """

    times_ms: NDArray[np.int64]
    accelerate: Flags
    brake: Flags
    left: Flags
    right: Flags
    steer: NDArray[np.int32]
    """Analog steering, -65536 (left) to 65536 (right)."""
    gas: NDArray[np.int32]
    """Analog gas, -65536 (accelerate) to 65536 (brake)."""
    respawn: Flags
    """Whether Respawn is pressed at this tick."""

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def action_idx(self) -> NDArray[np.int8]:
        """Index into the table of 12 actions (`tmxdb.capture.output.actions.ACTIONS`), shape (N,)."""
        up, down = self.accelerate | (self.gas <= -GAS_THRESHOLD), self.brake | (self.gas >= GAS_THRESHOLD)
        keys = self.left | self.right
        left = np.where(keys, self.left, self.steer <= -STEER_DEADZONE)
        right = np.where(keys, self.right, self.steer >= STEER_DEADZONE)
        pedals = np.where(up, np.where(down, 3, 0), np.where(down, 2, 1))
        steering = np.where(left == right, 0, np.where(left, 1, 2))
        return (3 * pedals + steering).astype(np.int8)


def read_ticks(source: Source | Replay) -> InputTicks:
    """Return the inputs of a run from its start to its finish, or to the last event of a run without a time.

    `source`: a path, the bytes of a file, or a `tmxdb.gbx.Replay`. Raise InvalidInput if the file has no inputs
    or lasts more than MAX_RUN_MS; GbxError if it is damaged or the car was driven with a control whose values are not
    known, such as `Steer (analog)` in TM 1.0 and PowerUp; OSError if a path cannot be read, and TypeError for anything
    else.
    """
    replay = source if isinstance(source, Replay) else read_replay(source)
    events = replay.inputs
    script = to_script(events, replay.race_time_ms)
    if not script:
        raise InvalidInput("the replay contains no inputs that drive a car.", code="input.no_inputs")
    end_ms = replay.race_time_ms if replay.race_time_ms is not None else max(event.time_ms for event in events)
    if end_ms > MAX_RUN_MS:
        raise InvalidInput(
            f"the replay says that it lasts {end_ms / 3_600_000:,.0f} hours, more than any run does.",
            code="input.too_large",
        )
    n = max(end_ms, 0) // TICK_MS + 1
    timeline = parse_script(script, n)

    def key(name: str) -> Flags:
        down = np.zeros(n, dtype=bool)
        for begin, end in timeline.keys.get(name, ()):
            down[begin : max(end, begin + 1)] = True
        return down

    def axis(name: str) -> NDArray[np.int32]:
        values = np.zeros(n, dtype=np.int32)
        for tick, value in timeline.axes.get(name, ()):
            values[tick:] = value
        return values

    times_ms = np.arange(n, dtype=np.int64) * TICK_MS
    pedals, steering = (key("up"), key("down")), (key("left"), key("right"))
    return InputTicks(times_ms, *pedals, *steering, axis("steer"), axis("gas"), key("enter"))
