"""Opening the games that a worker captures with."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.opening.database import close_at_end
from tmxdb.cli.options.game import CaptureGameOptions, GameOptions
from tmxdb.cli.shared.output import message
from tmxdb.cli.shared.signals import ended_like_ctrl_c
from tmxdb.errors import InvalidInput

if TYPE_CHECKING:
    from tmxdb.capture.games.pool import GamePool
    from tmxdb.capture.games.setup import GameSetup, MapReaders
    from tmxdb.capture.games.task import CaptureTask
    from tmxdb.db.database import Database
    from tmxdb.kinds.context import JobContext
    from tmxdb.storage import Storage

RECORDS = ".games"
"""The folder in the data folder with the records of the games that workers started."""


def open_games(
    context: JobContext,
    n: int,
    options: CaptureGameOptions,
    note: Callable[[str], None],
    stop: threading.Event,
    *,
    waits: bool,
    has_other_work: bool,
) -> GamePool:
    """Return a pool of `n` games, closed when the command ends. Raise InvalidInput if something is missing.

    `waits`: whether captures wait for a game that is not running, until `stop` is set. `has_other_work`: whether the
    run goes on if they do not.
    """
    from tmxdb.capture.games.setup import WhenAbsent
    from tmxdb.game.process.launch import LaunchSettings
    from tmxdb.kinds.captures.maps import waiting_maps

    launch = None
    if options.launch_game:
        launch = LaunchSettings(
            tmloader=options.game_path or options.tmloader_path,
            profile=options.tmloader_profile,
            linux_script=options.game_path or options.launch_script,
            autologin=options.game_user,
        )
        launch.command(options.base_tmi_port)  # fail now rather than at the first capture
    setup = replace(
        _setup(options, n, context.storage.root / RECORDS),
        launch=launch,
        adapt_speed=options.adapt_speed,
        cut_intro=options.cut_intro,
        press_enter=options.press_enter,
        when_absent=WhenAbsent.WAIT if waits else WhenAbsent.POSTPONE if has_other_work else WhenAbsent.STOP,
        data_folder=context.storage.root,
    )
    return _open_pool(setup, lambda: waiting_maps(context.database, context.storage), note, stop)


def undo_game_leftovers(database: Database, storage: Storage, options: GameOptions) -> None:
    """Undo what a killed worker left in the game's folders, and say so. Does nothing where no game is installed."""
    from tmxdb.capture.games.leftovers import undo_leftovers
    from tmxdb.game.folders import find_folders
    from tmxdb.kinds.captures.maps import waiting_maps

    try:
        folders = find_folders(options.trackmania_path, options.tminterface_path)
    except InvalidInput:
        return
    open_maps = waiting_maps(database, storage).keys()
    undo_leftovers(folders, storage.root / RECORDS, storage.root, open_maps, message)


def open_running_game(options: GameOptions, task: CaptureTask, note: Callable[[str], None]) -> GamePool:
    """Return a pool of the one game that runs on the base port, closed when the command ends.

    The map of `task` is copied to the game's folder. Until the pool is closed, SIGTERM and a closed terminal end the
    command as Ctrl-C does, so that the game's folders are left as they were. Raise InvalidInput if something is
    missing.
    """
    click.get_current_context().with_resource(ended_like_ctrl_c())
    maps = {task.map_key: lambda: task.map_data}
    return _open_pool(_setup(options, 1, Path()), lambda: maps, note)


def _setup(options: GameOptions, n: int, records: Path) -> GameSetup:
    from tmxdb.capture.games.setup import GameSetup
    from tmxdb.game.folders import find_folders

    return GameSetup(
        base_port=options.base_tmi_port,
        games=n,
        folders=find_folders(options.trackmania_path, options.tminterface_path),
        records=records,
        username=options.game_user or _user_name(),
        driver=options.driver,
        window_title=options.window_title,
    )


def _open_pool(
    setup: GameSetup, waiting_maps: MapReaders, note: Callable[[str], None], stop: threading.Event | None = None
) -> GamePool:
    from tmxdb.capture.games.pool import GamePool
    from tmxdb.capture.output.encoder import require_pillow

    require_pillow()
    games = GamePool(setup, waiting_maps, note, stop)
    close_at_end(games.close)
    return games


def _user_name() -> str:
    """On Windows the game uses the user name of the system; elsewhere --game-user has to name it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name, as in some containers; Windows has no `pwd` to look it up
        return os.environ.get("USERNAME", "Player")
