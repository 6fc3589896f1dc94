"""Which ticks to capture, and what that takes in frames, bytes and time. Pure numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.settings import CaptureSettings

COUNTDOWN_MS = 2600
"""Race time starts at about -2600: docs/facts/tminterface.md#run-steps."""
BETWEEN_RACES_S = 2.0
"""Wall time of a race besides its two countdowns: arming the script and syncing files. Measured on the sandbox only."""
MAP_LOAD_S = 12.0
"""Wall time to load a map: a guess between a small map and the 20 s of docs/facts/tminterface.md#console."""
_JPEG_HEADER_BYTES = 640
_ENTRY_BYTES = 700
_TAR_BYTES = 5 * 512
"""Of a frame: headers of three members, and what fills them up to blocks of 512."""
_VIDEO_BITS = {"video": 0.6, "video-lossless": 6.0}
"""Of a pixel. Measured on the sandbox only."""
_TICK_BYTES = 60
"""Of telemetry, compressed. Measured on the sandbox only."""


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Frames are due at 0, every `1000 / fps` ms rounded to the nearest step, and at the finish.

    The number of a frame is that of the due time it stands for. The finish has the number after the last regular frame
    before it.
    """

    settings: CaptureSettings

    def due_ms(self, number: int) -> int:
        """Return the race time of regular frame `number`. Half steps are rounded up."""
        settings = self.settings
        per_step = settings.fps * settings.step_ms
        return (2000 * number + per_step) // (2 * per_step) * settings.step_ms

    def count_before(self, time_ms: int) -> int:
        """Return how many regular frames are due before `time_ms`. Also the number of a finish at that time."""
        number = max(0, time_ms * self.settings.fps // 1000 - 1)
        while self.due_ms(number) < time_ms:
            number += 1
        return number

    def number_at(self, time_ms: int) -> int:
        """Return the latest regular frame due at `time_ms`, which must be at least 0."""
        return self.count_before(time_ms + 1) - 1

    def frame_count(self, finish_ms: int) -> int:
        """Return the number of frames of a race that finishes at `finish_ms`, including that of the finish."""
        return self.count_before(finish_ms) + 1


@dataclass(frozen=True, slots=True)
class CaptureEstimate:
    """What captures will take. `seconds`: wall time with one game; several games share it."""

    races: int = 0
    frames: int = 0
    frame_bytes: int = 0
    seconds: float = 0.0

    def __add__(self, other: CaptureEstimate) -> CaptureEstimate:
        return CaptureEstimate(
            self.races + other.races,
            self.frames + other.frames,
            self.frame_bytes + other.frame_bytes,
            self.seconds + other.seconds,
        )


def estimate_race(race_time_ms: int, settings: CaptureSettings) -> CaptureEstimate:
    """Return what the capture of one race takes, without loading its map."""
    frames = FramePlan(settings).frame_count(race_time_ms)
    game_s = (race_time_ms + 2 * COUNTDOWN_MS) / 1000
    seconds = game_s / settings.running_speed + BETWEEN_RACES_S
    ticks = 1 + race_time_ms * settings.telemetry_hz // 1000 if settings.telemetry_hz else 0
    return CaptureEstimate(1, frames, frames * frame_bytes(settings) + ticks * _TICK_BYTES, seconds)


def estimate_loading(tracks: int) -> CaptureEstimate:
    """Return what loading the maps of this many tracks takes."""
    return CaptureEstimate(seconds=tracks * MAP_LOAD_S)


def frame_bytes(settings: CaptureSettings) -> int:
    """Return about how many bytes a frame and its entry take. A JPEG of the game takes 1 to 3 bits per pixel."""
    bits = _VIDEO_BITS.get(settings.store, 1.0 + 2.0 * (settings.quality / 95) ** 4)
    picture = settings.width * settings.height * bits / 8 * (1.0 if settings.color == "rgb" else 0.8)
    if settings.store in _VIDEO_BITS:
        return round(picture + _ENTRY_BYTES)
    if settings.store == "tar":  # which has each entry twice: beside its frame and in the manifest
        return round(_JPEG_HEADER_BYTES + picture + 2 * _ENTRY_BYTES + _TAR_BYTES)
    return round(_JPEG_HEADER_BYTES + picture + _ENTRY_BYTES * (2 if settings.per_frame_json else 1))
