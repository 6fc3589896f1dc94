"""Which ticks are to be captured, and what that takes in frames, bytes and time. Pure numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.settings import CaptureSettings

COUNTDOWN_MS = 2600  # TMInterface fact sheet, (a) "run steps": race time begins at about -2600
BETWEEN_RACES_S = 2.0
"""Wall time of a race besides its two countdowns: arming the script, files made whole. Measured on the sandbox only."""
MAP_LOAD_S = 12.0
"""Wall time to load a map. A guess between the "up to 20 s" of the fact sheet, (d), and a small map."""
_JPEG_HEADER_BYTES = 640
_ENTRY_BYTES = 700


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Frames are due at 0, every `1000 / fps` ms brought to the nearest step, and at the finish itself.

    A frame's number is that of the due time that it stands for; the finish has the number behind the last regular one
    before it.
    """

    settings: CaptureSettings

    def due_ms(self, number: int) -> int:
        """Race time of the regular frame `number`; half steps go up."""
        settings = self.settings
        per_step = settings.fps * settings.step_ms
        return (2000 * number + per_step) // (2 * per_step) * settings.step_ms

    def before(self, time_ms: int) -> int:
        """How many regular frames are due before `time_ms`: also the number of a finish at that time."""
        number = max(0, time_ms * self.settings.fps // 1000 - 1)
        while self.due_ms(number) < time_ms:
            number += 1
        return number

    def number_at(self, time_ms: int) -> int:
        """The latest regular frame that was due at `time_ms`, which is not below 0."""
        return self.before(time_ms + 1) - 1

    def frames(self, finish_ms: int) -> int:
        """Frames of a race that is finished at `finish_ms`, the one of the finish included."""
        return self.before(finish_ms) + 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """What captures will take. `seconds`: of wall time with one game; each further one takes its share."""

    races: int = 0
    frames: int = 0
    frame_bytes: int = 0
    seconds: float = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.races + other.races,
            self.frames + other.frames,
            self.frame_bytes + other.frame_bytes,
            self.seconds + other.seconds,
        )


def estimate(race_time_ms: int, settings: CaptureSettings) -> Estimate:
    """What the capture of one race takes, without loading its map."""
    frames = FramePlan(settings).frames(race_time_ms)
    game_s = (race_time_ms + 2 * COUNTDOWN_MS) / 1000
    seconds = game_s / settings.running_speed + BETWEEN_RACES_S
    return Estimate(1, frames, frames * frame_bytes(settings), seconds)


def loading(tracks: int) -> Estimate:
    """What loading the maps of so many tracks takes."""
    return Estimate(seconds=tracks * MAP_LOAD_S)


def frame_bytes(settings: CaptureSettings) -> int:
    """About how many bytes a frame and its entry take: JPEG spends some 1 to 3 bits on a pixel of a game's picture."""
    bits = 1.0 + 2.0 * (settings.quality / 95) ** 4
    picture = settings.width * settings.height * bits / 8 * (1.0 if settings.color == "rgb" else 0.8)
    entries = _ENTRY_BYTES * (2 if settings.per_frame_json else 1)
    return round(_JPEG_HEADER_BYTES + picture + entries)
