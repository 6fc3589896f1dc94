"""Where a recorded car was at any moment: its samples, joined by straight lines."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tmxdb.gbx import Sample

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # w, x, y, z
UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
_STILL_MS = 0.3  # m/s; slower than this nobody can tell a direction


@dataclass(frozen=True, slots=True)
class Car:
    """Metres, m/s, rad/s. `driven_m`: way from the start; `bend`: how much the course turns ahead, rad."""

    position: Vector
    velocity: Vector = (0.0, 0.0, 0.0)
    spin: Vector = (0.0, 0.0, 0.0)
    turn: Quaternion = UPRIGHT
    speed_kmh: float = 0.0
    driven_m: float = 0.0
    bend: float = 0.0


NOWHERE = Car((512.0, 9.0, 512.0))


def standing(car: Car) -> Car:
    """The car where it is, without any speed."""
    return replace(car, velocity=(0.0, 0.0, 0.0), spin=(0.0, 0.0, 0.0), speed_kmh=0.0)


class Motion:
    """A recorded car, to be asked for any moment of the race clock."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = list(samples)
        self._times = [sample.time_ms for sample in self._samples]
        self._turns = [_turn(sample) for sample in self._samples]
        self._ways = [0.0]
        for one, other in pairwise(self._samples):
            self._ways.append(self._ways[-1] + math.dist(one[1:4], other[1:4]))

    def at(self, time_ms: int) -> Car:
        """The car at `time_ms`: before its first sample it stands, after its last one too."""
        if not self._samples:
            return NOWHERE
        place = bisect_right(self._times, time_ms) - 1
        if place < 0 or place + 1 >= len(self._samples):
            place = max(0, place)
            car = Car(self._samples[place][1:4], turn=self._turns[place], driven_m=self._ways[place])
            return replace(car, bend=self._bend(time_ms))
        one, other = self._samples[place], self._samples[place + 1]
        span_ms = other.time_ms - one.time_ms
        part = (time_ms - one.time_ms) / span_ms if span_ms else 0.0
        x, y, z = (a + (b - a) * part for a, b in zip(one[1:4], other[1:4], strict=True))
        turn, spin = _between(self._turns[place], self._turns[place + 1], part, span_ms)
        speed_kmh = one.speed_kmh + (other.speed_kmh - one.speed_kmh) * part
        step = [(b - a) * 1000 / span_ms for a, b in zip(one[1:4], other[1:4], strict=True)] if span_ms else [0.0] * 3
        if not one.speed_kmh and not other.speed_kmh:  # files that tmxdb wrote may have positions only
            speed_kmh = math.hypot(*step) * 3.6
        return Car(
            (x, y, z),
            _of_length(step, speed_kmh / 3.6),
            spin,
            turn,
            speed_kmh,
            self._ways[place] + (self._ways[place + 1] - self._ways[place]) * part,
            self._bend(time_ms),
        )

    def _bend(self, time_ms: int) -> float:
        """Change of heading over the next 0.6 s, positive to the right as seen from above."""
        here, there = self._heading(time_ms), self._heading(time_ms + 600)
        if here is None or there is None:
            return 0.0
        return (here - there + math.pi) % (2 * math.pi) - math.pi

    def _heading(self, time_ms: int) -> float | None:
        place = min(max(0, bisect_right(self._times, time_ms) - 1), len(self._samples) - 2)
        if place < 0:
            return None
        one, other = self._samples[place], self._samples[place + 1]
        way = math.hypot(other.x - one.x, other.z - one.z)
        return math.atan2(other.x - one.x, other.z - one.z) if way > _STILL_MS / 10 else None


def _turn(sample: Sample) -> Quaternion:
    """As GBX.NET reads it: the angle is half of the turn around the axis of the next two angles."""
    sine = math.sin(sample.angle)
    flat = math.cos(sample.axis_pitch)
    return (
        math.cos(sample.angle),
        sine * flat * math.cos(sample.axis_heading),
        sine * flat * math.sin(sample.axis_heading),
        sine * math.sin(sample.axis_pitch),
    )


def _between(one: Quaternion, other: Quaternion, part: float, span_ms: int) -> tuple[Quaternion, Vector]:
    """The turn in between, and how fast it changes."""
    if sum(a * b for a, b in zip(one, other, strict=True)) < 0:
        other = (-other[0], -other[1], -other[2], -other[3])
    w, x, y, z = (a + (b - a) * part for a, b in zip(one, other, strict=True))
    length = math.sqrt(w * w + x * x + y * y + z * z) or 1.0
    # The part of other * conjugate(one) that turns, twice: angular speed for small steps.
    aw, ax, ay, az = one
    bw, bx, by, bz = other
    scale = 2000.0 / span_ms if span_ms else 0.0
    spin = (
        scale * (-bw * ax + bx * aw - by * az + bz * ay),
        scale * (-bw * ay + by * aw - bz * ax + bx * az),
        scale * (-bw * az + bz * aw - bx * ay + by * ax),
    )
    return (w / length, x / length, y / length, z / length), spin


def _of_length(step: Sequence[float], length: float) -> Vector:
    size = math.hypot(*step)
    scale = length / size if size > _STILL_MS else 0.0
    return (step[0] * scale, step[1] * scale, step[2] * scale)
