"""A stand-in for the game with the Python Link plugin: for tests, for the demo, and to try captures without the game.

    with running_game(user_folder=folder, replay_folders=[replays]) as game:
        driver.connect("127.0.0.1", game.port)

It follows docs/facts/tminterface.md; what that page leaves open is a setting in `GameSettings`. It shares no code with
the packages that drive a game (`tmxdb.game`, `tmxdb.capture`, `tmxdb.gbx.script`), so it does not share their mistakes.
"""

from tmxdb_sandbox.game.process import RunningGame, running_game
from tmxdb_sandbox.game.settings import GameSettings

__all__ = ["GameSettings", "RunningGame", "running_game"]
