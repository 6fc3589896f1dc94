"""The settings of one game, read once by the command line or a test and passed on as a value."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

CAPABILITIES = ("map", "focus", "process", "camera", "car", "events", "script", "folder", "render")


@dataclass(frozen=True)
class GameSettings:
    """The settings that determine what the stand-in does.

    Fields under "not established" choose what docs/facts/tminterface.md#not-established leaves open: a driver must work
    with either choice. `user_folder` is the game's (with `Tracks/Challenges`). `scripts_folder` is TMInterface's, by
    default beside the user folder as on a real machine. `pace` is the wall speed as a multiple of real time; 0 is as
    fast as the client answers.
    """

    user_folder: str
    scripts_folder: str | None = None
    replay_folders: list[str] = field(default_factory=list)
    port: int = 0
    seed: int = 1
    faults: list[str] = field(default_factory=list)
    pace: float = 0
    user: str = "Player"
    plugin: str = "python_link"
    """`python_link`, `old_python_link` without message 23, or `tmxdb_link` with a handshake."""
    capabilities: list[str] = field(default_factory=lambda: list(CAPABILITIES))
    """Optional capabilities of `tmxdb_link`."""
    configstring: str = ""
    log_file: str | None = None
    memory_file: str | None = None
    """Where faults store how often they happened, so that a restarted game goes on counting."""

    # Durations, in wall time.
    start_ms: int = 0
    load_ms: int = 20
    frozen_ms: int = 2000
    """Game time between the finish and the end dialog."""
    ignored_ms: int = 0
    """Differences of inputs before this time do not make a car leave its run."""
    window_width: int = 1920
    window_height: int = 1200

    # Not established.
    sees_later_files: bool = False
    """Whether a map that was copied after the start can be loaded."""
    checkpoint_first: bool = True
    """Whether the checkpoint message of a tick comes before its run step."""
    lap_message_at_finish: bool = True
    restart_reports: bool = False
    """Whether a restart reports 0 checkpoints."""
    first_race_ignores_script: bool = True
    commands_in_intro: bool = True
    """Whether `map` and `exit_map` work while an intro or a screen is shown."""
    give_up_in_dialog: bool = False
    renders_while_loading: bool = False
    menus_in_queued_greeting: bool = True
    """The reply to `in menus?` in a greeting that was queued during start-up."""
    state_outside_race: str = "error"
    """`error`: the callback ends without a reply; `empty`: no bytes; `bytes`: a state of zeros."""
    rewind_loses_inputs: bool = True
    stubborn_intros: bool = False
    """Whether intros play although forced cameras are off."""
    last_command_first: bool = True
    input_ranges: bool = True
    """Whether `get inputs` writes ranges or presses and releases."""
    ticks_per_frame: float = 1.0
    """Ticks in a rendered frame at speed 1: 1 at 100 frames a second, 1.67 at 60."""
    restart_drops_ticks: bool = True
    """Whether a restart drops the remaining ticks of its frame, as a rewind does."""
    script_frames: int = 0
    """Rendered frames until the plugin reports that a script from a text is loaded."""
    picture_lag_ticks: int = 0
    """How many rendered frames a picture is older than the last run step: ticks, if a frame has one tick."""
    picture_jitter: float = 0.0
    """Share of the pictures (0 to 1) that are one rendered frame older."""
    picture_code: bool = True
    """Whether cells in the upper left corner encode what a picture shows."""
    pictures_per_s: float = 0.0
    """Pictures that the game can send in a second, in which it renders 100 frames; 0: one in each frame."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> GameSettings:
        return cls(**json.loads(text))

    @property
    def plugin_port(self) -> int:
        """`port`, or else the one in the configstring; 0: any free port."""
        match = re.search(r"\bset\s+custom_port\s+(\d{1,5})\b", self.configstring)
        return self.port or (int(match[1]) if match else 0)

    @property
    def scripts(self) -> Path:
        if self.scripts_folder:
            return Path(self.scripts_folder)
        return Path(self.user_folder).parent / "TMInterface" / "Scripts"

    @property
    def tracks(self) -> Path:
        return Path(self.user_folder) / "Tracks"
