"""The games of a worker as options, and getting ready to use them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tmxdb.cli.context import close_at_the_end
from tmxdb.cli.options import base_port_option, driver_option, game_folder_options, option, window_title_option

if TYPE_CHECKING:
    from tmxdb.capture.session import Games
    from tmxdb.kinds.tools import Tools

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    base_port_option,
    window_title_option,
    driver_option,
    option(
        "--launch-game",
        is_flag=True,
        help="capture: start games, and start them anew when they hang; else those that run are used.",
    ),
    option(
        "--game-path",
        metavar="PROGRAM",
        help="capture: what --launch-game runs: TMLoader.exe, or a script that gets the port on Linux."
        "  [default: the next two]",
    ),
    option("--tmloader-path", metavar="PROGRAM", older_variable="WINDOWS_TMLOADER_PATH", help="capture: TMLoader.exe."),
    option(
        "--launch-script",
        metavar="PROGRAM",
        older_variable="LINUX_LAUNCH_GAME_PATH",
        help="capture: the script on Linux.",
    ),
    option(
        "--tmloader-profile",
        default="default",
        show_default=True,
        older_variable="WINDOWS_TMLOADER_PROFILE_NAME",
        help="capture: the profile of TMLoader.",
    ),
    option(
        "--game-user",
        metavar="NAME",
        help="capture: the game's user, in the names of its Autosaves; --launch-game logs in as it.  [default: yours]",
    ),
)


def games_options(function: F) -> F:
    """Which games, how they are reached, where their files lie."""
    for decorate in reversed(_OPTIONS):
        function = decorate(function)
    return game_folder_options(function)


def open_games(tools: Tools, n: int, given: dict[str, Any], note: Callable[[str], None]) -> Games:
    """The games, closed when the command ends. Raises BadInput if something is missing."""
    from tmxdb.capture.encode import need_pillow
    from tmxdb.capture.session import Games, Setup
    from tmxdb.game.folders import find_folders
    from tmxdb.game.launch import LaunchSettings
    from tmxdb.kinds.capture import waiting_maps

    need_pillow()
    launch = None
    if given["launch_game"]:
        launch = LaunchSettings(
            tmloader=given["game_path"] or given["tmloader_path"],
            profile=given["tmloader_profile"],
            linux_script=given["game_path"] or given["launch_script"],
            autologin=given["game_user"],
        )
        launch.command(given["base_tmi_port"])  # now rather than at the first capture
    setup = Setup(
        base_port=given["base_tmi_port"],
        games=n,
        folders=find_folders(given["trackmania_path"], given["tminterface_path"]),
        records=tools.storage.root / ".games",
        username=given["game_user"] or _user(),
        driver=given["driver"],
        window_title=given["window_title"],
        launch=launch,
    )
    games = Games(setup, lambda: waiting_maps(tools), note)
    close_at_the_end(games.close)
    return games


def _user() -> str:
    """The login of Windows is the game's, too; elsewhere it has to be told."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user, as in some containers
        return os.environ.get("USERNAME", "Player")
