"""What tmxdb's own plugin tells about a race beyond the state: camera, parts of the car, and input events, as text.

The lines are those of docs/reference/game-protocol.md#replies-of-tmxdblink.
"""

from __future__ import annotations

from tmxdb_sandbox.game.car.controls import TICK_MS
from tmxdb_sandbox.game.car.race import SimulatedRace
from tmxdb_sandbox.game.car.state import ASPHALT, ORIGIN_MS, engine_of, is_sliding, matrix

_CAMERA_UP_M = 2.0
_FOV = 75.0


def camera_text(race: SimulatedRace) -> str:
    """Return the rows of the camera's rotation, its position and its field of view: it looks where the car points."""
    x, y, z = race.car.position
    return _digits(*matrix(race.car.rotation), x, y + _CAMERA_UP_M, z, _FOV)


def car_text(race: SimulatedRace) -> str:
    """Return a line for each part of the car."""
    gear, rpm = engine_of(race.car.speed_kmh)
    slides = int(is_sliding(race))
    pressed = race.pressed
    steer = pressed.steer / 65536 if pressed.steer else float(pressed.right - pressed.left)
    wheels = [f"wheel 1 {slides} {_digits(0.03 + 0.01 * (number % 2))} {ASPHALT} 1" for number in range(4)]
    lines = [
        *wheels,
        f"engine {_digits(rpm, 11_000, 1)} {gear} 0 0",
        f"inputs {_digits(pressed.up, pressed.down, steer)}",
        f"contact 0 {slides} 0 0",
        f"turbo 0 {_digits(0)} 0",
        f"speed {_digits(0, 0, race.car.speed_kmh / 3.6)}",
    ]
    return "\n".join(lines) + "\n"


def events_text(race: SimulatedRace) -> str:
    """Return a line for each change of an input until this tick, after the event of the start."""
    lines = [f"{ORIGIN_MS} running 1"] if race.race_time_ms >= 0 else []
    for time_ms, control, value in race.plan.changes:
        if time_ms <= race.race_time_ms - TICK_MS:
            lines.append(f"{ORIGIN_MS + time_ms + TICK_MS} {control} {value}")
    return "".join(f"{line}\n" for line in lines)


def _digits(*numbers: float) -> str:
    return " ".join(f"{number:.8e}" for number in numbers)
