"""Options of the commands that drive one known replay on a running game."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.settings import FRAME_SOURCES, CaptureSettings
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, float_range, int_range
from tmxdb.cli.options.database import StorageOptions

SECTION = "Drive"


@dataclass(frozen=True)
class ReferenceOptions(StorageOptions):
    """Which replay is driven, and how pictures are taken."""

    replay: str | None = option_field(
        "--replay",
        section=SECTION,
        metavar="FILE",
        help="Replay file to drive.  [default: a short one of the database]",
    )
    replay_id: int | None = option_field(
        "--replay-id", section=SECTION, type=int_range(1), metavar="ID", help="Replay of the database to drive."
    )
    width: int = option_field(
        "--width", section=SECTION, type=int_range(8, 4096), metavar="PIXELS", default=64, show_default=True,
        help="Width of the pictures, as in your captures.",
    )  # fmt: skip
    height: int = option_field(
        "--height", section=SECTION, type=int_range(8, 4096), metavar="PIXELS", default=64, show_default=True,
        help="Height of the pictures.",
    )  # fmt: skip
    running_speed: float = option_field(
        "--running-speed", section=SECTION, type=float_range(0.1, 100), metavar="N", default=1.0, show_default=True,
        help="Speed of the game, as in your captures.",
    )  # fmt: skip
    camera: int = option_field(
        "--camera", section=SECTION, type=int_range(0, 9), metavar="N", default=3, show_default=True,
        help="Camera, as in `cam N`. 3 is fixed to the car: others move on while the race stands still.",
    )  # fmt: skip
    frame_source: str = option_field(
        "--frame-source", section=SECTION, type=WordChoice(FRAME_SOURCES), metavar="NAME", default="plugin",
        show_default=True, help="plugin, or screen: grab the game's window.",
    )  # fmt: skip

    def settings(self, fps: int = 100) -> CaptureSettings:
        """Return the capture settings of the drive."""
        return CaptureSettings(
            fps=fps,
            width=self.width,
            height=self.height,
            running_speed=self.running_speed,
            camera=self.camera,
            frame_source=self.frame_source,
        )
