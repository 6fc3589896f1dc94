"""A stand-in of the game with the Python Link plugin: for tests, the demo, and trying capture out without a game.

    with running_game(user_folder=folder, replay_folders=[replays]) as game:
        driver.connect("127.0.0.1", game.port)

As exact as the fact sheet of TMInterface allows; what the sheet leaves open is a switch in `GameSettings`. It shares
no code with what drives a game (`tmxdb.game`, `tmxdb.capture`, `tmxdb.gbx.script`), so that it shares no mistake with
it either.
"""

from tmxdb.sandbox.game.process import RunningGame, running_game
from tmxdb.sandbox.game.settings import GameSettings

__all__ = ["GameSettings", "RunningGame", "running_game"]
