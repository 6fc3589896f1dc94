"""The position of a recorded car at any moment: its samples, joined by straight lines."""

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
_STILL_MS = 0.3  # m/s; below this there is no direction


@dataclass(frozen=True, slots=True)
class Car:
    """Metres, m/s, rad/s. `distance_m`: distance from the start. `curve`: how much the road turns ahead, in rad."""

    position: Vector
    velocity: Vector = (0.0, 0.0, 0.0)
    angular_velocity: Vector = (0.0, 0.0, 0.0)
    rotation: Quaternion = UPRIGHT
    speed_kmh: float = 0.0
    distance_m: float = 0.0
    curve: float = 0.0


DEFAULT_CAR = Car((512.0, 9.0, 512.0))


def at_rest(car: Car) -> Car:
    """Return the car at the same index, without speed."""
    return replace(car, velocity=(0.0, 0.0, 0.0), angular_velocity=(0.0, 0.0, 0.0), speed_kmh=0.0)


class Motion:
    """A recorded car at any moment of the race clock."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = list(samples)
        self._times = [sample.time_ms for sample in self._samples]
        self._rotations = [_rotation_of(sample) for sample in self._samples]
        self._distances = [0.0]
        for one, other in pairwise(self._samples):
            self._distances.append(self._distances[-1] + math.dist(one[1:4], other[1:4]))

    def at(self, time_ms: int) -> Car:
        """Return the car at `time_ms`. It stands before its first sample and after its last one."""
        if not self._samples:
            return DEFAULT_CAR
        index = bisect_right(self._times, time_ms) - 1
        if index < 0 or index + 1 >= len(self._samples):
            index = max(0, index)
            car = Car(self._samples[index][1:4], rotation=self._rotations[index], distance_m=self._distances[index])
            return replace(car, curve=self._curve(time_ms))
        one, other = self._samples[index], self._samples[index + 1]
        span_ms = other.time_ms - one.time_ms
        part = (time_ms - one.time_ms) / span_ms if span_ms else 0.0
        x, y, z = (a + (b - a) * part for a, b in zip(one[1:4], other[1:4], strict=True))
        rotation, angular_velocity = _between(self._rotations[index], self._rotations[index + 1], part, span_ms)
        speed_kmh = one.speed_kmh + (other.speed_kmh - one.speed_kmh) * part
        step = [(b - a) * 1000 / span_ms for a, b in zip(one[1:4], other[1:4], strict=True)] if span_ms else [0.0] * 3
        if not one.speed_kmh and not other.speed_kmh:  # files written by tmxdb may have only positions
            speed_kmh = math.hypot(*step) * 3.6
        return Car(
            (x, y, z),
            _of_length(step, speed_kmh / 3.6),
            angular_velocity,
            rotation,
            speed_kmh,
            self._distances[index] + (self._distances[index + 1] - self._distances[index]) * part,
            self._curve(time_ms),
        )

    def _curve(self, time_ms: int) -> float:
        """Return the change of heading over the next 0.6 s, positive to the right as seen from above."""
        here, there = self._heading(time_ms), self._heading(time_ms + 600)
        if here is None or there is None:
            return 0.0
        return (here - there + math.pi) % (2 * math.pi) - math.pi

    def _heading(self, time_ms: int) -> float | None:
        index = min(max(0, bisect_right(self._times, time_ms) - 1), len(self._samples) - 2)
        if index < 0:
            return None
        one, other = self._samples[index], self._samples[index + 1]
        distance = math.hypot(other.x - one.x, other.z - one.z)
        return math.atan2(other.x - one.x, other.z - one.z) if distance > _STILL_MS / 10 else None


def _rotation_of(sample: Sample) -> Quaternion:
    """Return the rotation of a sample, as GBX.NET reads it: `angle` is half the rotation about the axis."""
    sine = math.sin(sample.angle)
    flat = math.cos(sample.axis_pitch)
    return (
        math.cos(sample.angle),
        sine * flat * math.cos(sample.axis_heading),
        sine * flat * math.sin(sample.axis_heading),
        sine * math.sin(sample.axis_pitch),
    )


def _between(one: Quaternion, other: Quaternion, part: float, span_ms: int) -> tuple[Quaternion, Vector]:
    """Return the interpolated rotation, and the angular velocity."""
    if sum(a * b for a, b in zip(one, other, strict=True)) < 0:
        other = (-other[0], -other[1], -other[2], -other[3])
    w, x, y, z = (a + (b - a) * part for a, b in zip(one, other, strict=True))
    length = math.sqrt(w * w + x * x + y * y + z * z) or 1.0
    # Twice the vector part of other * conjugate(one): the angular velocity for small steps.
    aw, ax, ay, az = one
    bw, bx, by, bz = other
    scale = 2000.0 / span_ms if span_ms else 0.0
    angular_velocity = (
        scale * (-bw * ax + bx * aw - by * az + bz * ay),
        scale * (-bw * ay + by * aw - bz * ax + bx * az),
        scale * (-bw * az + bz * aw - bx * ay + by * ax),
    )
    return (w / length, x / length, y / length, z / length), angular_velocity


def _of_length(step: Sequence[float], length: float) -> Vector:
    size = math.hypot(*step)
    scale = length / size if size > _STILL_MS else 0.0
    return (step[0] * scale, step[1] * scale, step[2] * scale)
