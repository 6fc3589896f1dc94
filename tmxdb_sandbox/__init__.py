"""Simulations of the exchange and of the game on loopback, for the demo, tests and benchmarks.

    with running_site(tracks=20, replays=5) as site:
        requests.get(f"{site.url}/api/tracks", params={"fields": "TrackId"}, headers={"User-Agent": "me"})

    with running_game(user_folder=folder, replay_folders=[replays]) as game:
        socket.create_connection(("127.0.0.1", game.port))

They share no code with the packages tested against them (`tmxdb.tmx`, `tmxdb.game`, `tmxdb.capture`), so that they do
not share their mistakes.
"""

from tmxdb_sandbox.game import GameSettings, RunningGame, running_game
from tmxdb_sandbox.process import RunningSite, running_site
from tmxdb_sandbox.settings import Settings

__all__ = ["GameSettings", "RunningGame", "RunningSite", "Settings", "running_game", "running_site"]
