"""Options for the games that captures are made with."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range

SECTION = "Game"
DEFAULT_PORT = 8478
"""Of the first game, by convention."""


@dataclass(frozen=True)
class GameFolderOptions:
    """Where the game and TMInterface keep their files. None: search for them."""

    trackmania_path: str | None = option_field(
        "--trackmania-path",
        section=SECTION,
        metavar="FOLDER",
        help="Folder of the game in your documents, the one that contains Tracks.  [default: search]",
    )
    tminterface_path: str | None = option_field(
        "--tminterface-path",
        section=SECTION,
        metavar="FOLDER",
        help="Folder of TMInterface, the one that contains Scripts and Plugins.  [default: beside the game's]",
    )


@dataclass(frozen=True)
class GamePluginOptions(GameFolderOptions):
    """Where the plugin of a game is, and where it listens."""

    base_tmi_port: int = option_field(
        "--base-tmi-port",
        section=SECTION,
        type=int_range(1, 65535),
        metavar="PORT",
        default=DEFAULT_PORT,
        show_default=True,
        help="Port of the first game; the others use the ports after it.",
    )


@dataclass(frozen=True)
class GameOptions(GamePluginOptions):
    """How games are reached and started."""

    driver: str = option_field(
        "--driver",
        section=SECTION,
        type=WordChoice(["tmi2", "tmi1"]),
        metavar="NAME",
        default="tmi2",
        show_default=True,
        help="tmi2: TMInterface 2, through a plugin. tmi1: TMInterface 1.4, Windows only, frames from the screen.",
    )
    window_title: str = option_field(
        "--window-title",
        section=SECTION,
        metavar="TEXT",
        default="Trackmania",
        show_default=True,
        help="Part of the title of the game's window, in any case; for --frame-source screen.",
    )
    tmloader_path: str | None = option_field(
        "--tmloader-path", section=SECTION, metavar="FILE", help="Windows: TMLoader.exe, which starts games."
    )
    tmloader_profile: str = option_field(
        "--tmloader-profile",
        section=SECTION,
        metavar="NAME",
        default="default",
        show_default=True,
        help="Windows: profile of TMLoader to start.",
    )
    launch_script: str | None = option_field(
        "--launch-script",
        section=SECTION,
        metavar="FILE",
        help="Linux: script that starts a game; its only argument is the port.",
    )
    game_user: str | None = option_field(
        "--game-user",
        old_names=("--autologin",),
        section=SECTION,
        metavar="LOGIN",
        help="Game account: --launch-game logs in with it, and the names of Autosaves begin with it."
        "  [default: your user name]",
    )


@dataclass(frozen=True)
class CaptureGameOptions(GameOptions):
    """The same for a worker, which can start games by itself."""

    launch_game: bool = option_field(
        "--launch-game",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Start the games, and restart them when they hang. Without it, use games that are already running.",
    )
    strict: bool = option_field(
        "--strict",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Fail captures with black or frozen pictures. Without it, keep them with a warning.",
    )
    write_stuck_maps: str | None = option_field(
        "--write-stuck-maps",
        old_names=("--write-enter-maps",),
        section=SECTION,
        metavar="FILE",
        help="Add the ids of tracks whose maps do not start (such as those that wait for Enter) to FILE.",
    )
    adapt_speed: bool = option_field(
        "--adapt-speed",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Slow the game down until no frame is missed, at most to a tenth. metadata.json records the speed.",
    )
    cut_intro: bool = option_field(
        "--cut-intro",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Drive on copies of the maps without their MediaTracker clips, so that no intro plays.",
    )
    press_enter: bool = option_field(
        "--press-enter",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Press Enter in the game's window while a map does not start: a screen may wait for a key.",
    )
    game_path: str | None = option_field(
        "--game-path",
        section=SECTION,
        metavar="PROGRAM",
        help="What --launch-game starts.  [default: --tmloader-path or --launch-script]",
    )
