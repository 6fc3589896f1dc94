"""What one game is made of: read once, by the command line or by a test, and passed on as a value."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class GameSettings:
    """Everything that decides what the stand-in does. Fields under "not established" choose where the fact sheet is
    silent: whoever drives a game has to stand either choice.

    `user_folder` is the game's (`Tracks/Challenges` and so on below it), `scripts_folder` TMInterface's; without one
    it lies beside the user folder, as on a real machine. `pace` is the wall speed as a multiple of real time, 0 as
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
    configstring: str = ""
    log_file: str | None = None
    memory_file: str | None = None
    """Where faults remember how often they happened, so that a game that is started again goes on counting."""

    # How long things take; wall time.
    start_ms: int = 0
    load_ms: int = 20
    frozen_ms: int = 2000
    """Game time between the finish and the end dialog."""
    ignored_ms: int = 0
    """Inputs that differ before this time do not make a car leave its run."""
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
    """What `in menus?` says in a greeting that was queued during start-up."""
    state_outside_race: str = "error"
    """`error`: the callback ends without a reply; `empty`: no bytes; `bytes`: a state full of zeros."""
    rewind_loses_inputs: bool = True
    stubborn_intros: bool = False
    """Whether intros play although forced cameras are off."""
    last_command_first: bool = True
    input_ranges: bool = True
    """Whether `get inputs` writes ranges or presses and releases."""
    picture_lag_ticks: int = 0
    """How many ticks a picture is older than the last run step."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> GameSettings:
        return cls(**json.loads(text))

    @property
    def plugin_port(self) -> int:
        """`port`; without one what the configstring gives to the plugin's variable; 0: any that is free."""
        given = re.search(r"\bset\s+custom_port\s+(\d{1,5})\b", self.configstring)
        return self.port or (int(given[1]) if given else 0)

    @property
    def scripts(self) -> Path:
        if self.scripts_folder:
            return Path(self.scripts_folder)
        return Path(self.user_folder).parent / "TMInterface" / "Scripts"

    @property
    def tracks(self) -> Path:
        return Path(self.user_folder) / "Tracks"
