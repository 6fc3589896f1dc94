"""What a user asks of a capture: size, rate, colour, how it is driven. Their JSON is what makes a row unlike another.

Nothing here knows a game; what the numbers mean in ticks is worked out in `plan.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from tmxdb.errors import BadInput, WrongUsage

TICK_MS = 10
"""The game's physics go on in steps of so many milliseconds of race time."""
COLORS = ("rgb", "gray")
FRAME_SOURCES = ("plugin", "screen")
DRIVES = ("script", "ghost")
_WHOLE = ("fps", "width", "height", "step_ms", "camera", "quality", "input_time_offset_ms")
_RANGES = {
    "fps": (1, 100),
    "width": (8, 4096),
    "height": (8, 4096),
    "step_ms": (TICK_MS, 10_000),
    "camera": (0, 9),
    "quality": (1, 95),
    "input_time_offset_ms": (-1000, 1000),
}
_WORDS = {"color": COLORS, "frame_source": FRAME_SOURCES, "drive": DRIVES}


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """One set of capture settings. Raises WrongUsage if they can not mean anything.

    `camera`: N of the console command `cam N`, 0 leaves the game's own. `running_speed`: game seconds in a second of
    the wall; above 1 frames come late. `step_ms`: frames are due at multiples of it; the game tells every tick anyway.
    `input_time_offset_ms` is added to each time of the script.
    """

    fps: int = 10
    width: int = 64
    height: int = 64
    step_ms: int = TICK_MS
    running_speed: float = 1.0
    camera: int = 1
    color: str = "rgb"
    quality: int = 90
    input_time_offset_ms: int = 0
    per_frame_json: bool = False
    frame_source: str = "plugin"
    drive: str = "script"

    def __post_init__(self) -> None:
        for name in _WHOLE:
            self._check_whole(name, *_RANGES[name])
        for name in ("step_ms", "input_time_offset_ms"):
            if getattr(self, name) % TICK_MS:
                raise self._wrong(name, f"is not a multiple of a tick of the game ({TICK_MS} ms)")
        if isinstance(self.running_speed, bool) or not isinstance(self.running_speed, int | float):
            raise self._wrong("running_speed", "is not a number")
        if not 0.1 <= self.running_speed <= 100:
            raise self._wrong("running_speed", "must be between 0.1 and 100; 1 is exact, above it frames come late")
        object.__setattr__(self, "running_speed", float(self.running_speed))  # 1 and 1.0 are the same settings
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise self._wrong(name, f"must be {' or '.join(words)}")
        if not isinstance(self.per_frame_json, bool):
            raise self._wrong("per_frame_json", "must be true or false")
        if self.fps * self.step_ms > 1000:
            raise self._wrong("fps", f"is more than one frame in each step of {self.step_ms} ms (--step-ms)")

    @property
    def capture_interval_ms(self) -> float:
        """Game time from one frame to the next, before it is brought to a tick: 1000 / fps."""
        return 1000 / self.fps

    @property
    def is_even(self) -> bool:
        """Whether the interval is a whole number of steps; if not, frames are taken at the nearest one."""
        return 1000 % (self.fps * self.step_ms) == 0

    @property
    def run_steps_per_action(self) -> int:
        """How many steps of `step_ms` lie between two frames, rounded."""
        return max(1, round(self.capture_interval_ms / self.step_ms))

    @property
    def note(self) -> str | None:
        """What a user should be told once about these settings; None if there is nothing to say."""
        notes = []
        if not self.is_even:
            notes.append(
                f"{self.fps} frames a second are {self.capture_interval_ms:.2f} ms apart, which is no whole number of"
                f" {self.step_ms} ms steps: each is taken at the nearest one."
            )
        if self.running_speed > 1:
            notes.append(f"At a speed of {self.running_speed:g} frames come late or are missed; 1 is exact.")
        return " ".join(notes) or None

    def to_json(self) -> str:
        """As the column `settings` holds it: sorted keys, so that equal settings are equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """As `metadata.json` holds it."""
        return asdict(self)

    def _check_whole(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "is not a whole number")
        if not least <= value <= most:
            raise self._wrong(name, f"must be between {least} and {most}")

    def _wrong(self, name: str, why: str) -> WrongUsage:
        option = "--" + name.replace("_", "-")
        return WrongUsage(f"{option} {str(getattr(self, name))[:40]}: {why}.", code="input.capture_settings")


def settings_of(text: str) -> CaptureSettings:
    """The settings of a row. Raises BadInput if the text is nothing that `to_json` writes."""
    known = {field.name for field in fields(CaptureSettings)}
    try:
        values = json.loads(text)
        if not isinstance(values, dict) or not values.keys() <= known:
            raise ValueError
        return CaptureSettings(**values)
    except (ValueError, WrongUsage) as error:
        why = f" {error}" if str(error) else ""
        raise BadInput(f"these are no capture settings: {text[:80]!r}.{why}", code="input.capture_settings") from None
