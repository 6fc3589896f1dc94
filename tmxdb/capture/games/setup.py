"""How the games of a worker are reached: the options of a run, as the command line passes them to the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tmxdb.game.folders import GameFolders
from tmxdb.game.frames.window import TITLE
from tmxdb.game.process.launch import LaunchSettings

DRIVERS = ("tmi2", "tmi1")

MapReaders = Callable[[], Mapping[str, Callable[[], bytes | None]]]
"""Returns the maps that captures wait for: map key -> a function that reads its bytes."""


class WhenAbsent(Enum):
    """What a capture does while no game is running."""

    WAIT = auto()
    POSTPONE = auto()
    """Leave the capture for later: the run has other work."""
    STOP = auto()
    """Stop the run with an error."""


@dataclass(frozen=True, slots=True)
class GameSetup:
    """How games are reached on this machine.

    `launch` is None if they are started by hand. `username`: the name in the names of Autosaves. `cut_intro`: drive
    on copies of maps without their MediaTracker clips.
    """

    base_port: int
    games: int
    folders: GameFolders
    records: Path
    username: str
    driver: str = "tmi2"
    window_title: str = TITLE
    launch: LaunchSettings | None = None
    adapt_speed: bool = False
    """Whether to slow a game down until no frame is missed."""
    cut_intro: bool = False
    press_enter: bool = False
    """Whether to press Enter in the game's window while a map does not start."""
    when_absent: WhenAbsent = WhenAbsent.STOP
    data_folder: Path | None = None
    """Whose open captures keep their maps in the game's folder after the run; None: no map is kept."""
