"""Capture settings: size, rate, colour, and how the replay is driven. Their JSON is part of what makes a capture
unique.

`frame_plan.py` turns them into ticks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from tmxdb.errors import InvalidInput, UsageError

TICK_MS = 10
"""Length of a physics step of the game, in ms of race time."""
COLORS = ("rgb", "gray")
FRAME_SOURCES = ("plugin", "screen")
DRIVES = ("script", "ghost")
RESPAWN_ACTIONS = ("enter", "delete")
_INTEGERS = ("fps", "width", "height", "step_ms", "camera", "quality", "input_time_offset_ms", "respawn_after_cp_ms")
MANIFESTS = ("list", "rulka")
STORES = ("files", "tar", "video", "video-lossless")
TELEMETRY_RATES = (100, 50, 20, 10, 0)
"""Records of telemetry per second of race time; 0: none."""
_RANGES = {
    "fps": (1, 100),
    "width": (8, 4096),
    "height": (8, 4096),
    "step_ms": (TICK_MS, 10_000),
    "camera": (0, 9),
    "quality": (1, 95),
    "input_time_offset_ms": (-1000, 1000),
    "respawn_after_cp_ms": (0, 10_000),
}
_CHOICES = {
    "color": COLORS,
    "frame_source": FRAME_SOURCES,
    "drive": DRIVES,
    "respawn_action": RESPAWN_ACTIONS,
    "manifest": MANIFESTS,
    "store": STORES,
}
_ADDED = ("respawn_action", "respawn_after_cp_ms", "telemetry_hz", "manifest", "store")
"""Left out of the text where they have their default: rows of earlier versions must equal the same request today."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """One set of capture settings. Raise UsageError if a value is out of range.

    `camera`: N of the console command `cam N`; 0 keeps the game's own. `running_speed`: game seconds per second of wall
    time; above 1 frames come late. `step_ms`: frames are due at multiples of it; the game reports every tick anyway.
    `input_time_offset_ms` is added to each time in the script. `respawn_action`: the key for a respawn.
    `respawn_after_cp_ms`: how long after the last checkpoint a respawn comes at least. `telemetry_hz`: one of
    TELEMETRY_RATES. `manifest`: a list of frames, or an object with the actions of the whole race for rulka. `store`:
    how the pictures are stored.
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
    respawn_action: str = "enter"
    respawn_after_cp_ms: int = 0
    telemetry_hz: int = 100
    manifest: str = "list"
    store: str = "files"

    def __post_init__(self) -> None:
        for name in _INTEGERS:
            self._check_integer(name, *_RANGES[name])
        for name in ("step_ms", "input_time_offset_ms", "respawn_after_cp_ms"):
            if getattr(self, name) % TICK_MS:
                raise self._invalid(name, f"is not a multiple of a tick of the game ({TICK_MS} ms)")
        if isinstance(self.running_speed, bool) or not isinstance(self.running_speed, int | float):
            raise self._invalid("running_speed", "is not a number")
        if not 0.1 <= self.running_speed <= 100:
            raise self._invalid("running_speed", "must be between 0.1 and 100; 1 is exact, above it frames come late")
        object.__setattr__(self, "running_speed", float(self.running_speed))  # 1 and 1.0 are the same settings
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise self._invalid(name, f"must be {' or '.join(choices)}")
        if isinstance(self.telemetry_hz, bool) or self.telemetry_hz not in TELEMETRY_RATES:
            raise self._invalid("telemetry_hz", "must be 100, 50, 20, 10 or off")
        if not isinstance(self.per_frame_json, bool):
            raise self._invalid("per_frame_json", "must be true or false")
        if self.manifest == "rulka" and (self.drive != "script" or self.telemetry_hz * self.step_ms < 1000):
            raise self._invalid("manifest", "needs --drive script and telemetry (--telemetry-hz) at every step")
        if self.store != "files" and (self.per_frame_json or self.manifest == "rulka"):
            raise self._invalid(
                "store", "stores all pictures in one file; --per-frame-json and --manifest rulka need --store files"
            )
        if self.fps * self.step_ms > 1000:
            raise self._invalid("fps", f"is more than one frame in each step of {self.step_ms} ms (--step-ms)")

    @property
    def capture_interval_ms(self) -> float:
        """Race time between two frames before it is rounded to a step: 1000 / fps."""
        return 1000 / self.fps

    @property
    def is_even(self) -> bool:
        """Whether the interval is a whole number of steps. If not, frames are taken at the nearest step."""
        return 1000 % (self.fps * self.step_ms) == 0

    @property
    def run_steps_per_action(self) -> int:
        """Steps of `step_ms` between two frames, rounded."""
        return max(1, round(self.capture_interval_ms / self.step_ms))

    @property
    def note(self) -> str | None:
        """A sentence to show once about these settings; None if they need none."""
        notes = []
        if not self.is_even:
            notes.append(
                f"{self.fps} frames per second are {self.capture_interval_ms:.2f} ms apart, not a whole number of"
                f" {self.step_ms} ms steps: each frame is taken at the nearest step."
            )
        if self.running_speed > 1:
            notes.append(f"At speed {self.running_speed:g} frames come late or are missed; speed 1 is exact.")
        if self.drive == "ghost":
            notes.append("Frames of a watched ghost have no labels: they are pictures only, and cannot be exported.")
        return " ".join(notes) or None

    def to_json(self) -> str:
        """Return the text of the column `settings`: keys are sorted, so equal settings are equal text."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """Return the object in `metadata.json`."""
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if name not in _ADDED or value != defaults[name]}

    def _check_integer(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._invalid(name, "is not a whole number")
        if not least <= value <= most:
            raise self._invalid(name, f"must be between {least} and {most}")

    def _invalid(self, name: str, why: str) -> UsageError:
        option = "--" + name.replace("_", "-")
        return UsageError(f"{option} {str(getattr(self, name))[:40]}: {why}.", code="input.capture_settings")


SETTING_NAMES = tuple(field.name for field in fields(CaptureSettings))
SETTING_DEFAULTS: dict[str, Any] = asdict(CaptureSettings())
"""Rows leave out some settings that have their default."""


def parse_settings(text: str) -> CaptureSettings:
    """Return the settings in a row's JSON. Raise InvalidInput if `to_json` cannot have written it."""
    try:
        values = json.loads(text)
        if not isinstance(values, dict) or not values.keys() <= set(SETTING_NAMES):
            raise ValueError
        return CaptureSettings(**values)
    except (ValueError, UsageError) as error:
        why = f" {error}" if str(error) else ""
        raise InvalidInput(f"not capture settings: {text[:80]!r}.{why}", code="input.capture_settings") from None
