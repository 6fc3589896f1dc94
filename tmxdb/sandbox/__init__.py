"""Stand-ins on loopback for the exchange and for the game: for the demo, the tests and the benchmarks.

    with running_site(tracks=20, replays=5) as site:
        requests.get(f"{site.url}/api/tracks", params={"fields": "TrackId"}, headers={"User-Agent": "me"})

    with running_game(user_folder=folder, replay_folders=[replays]) as game:
        socket.create_connection(("127.0.0.1", game.port))

They share no code with what is tested against them (`tmxdb.tmx`, `tmxdb.game`, `tmxdb.capture`), so that they share no
mistake with it either.
"""

from tmxdb.sandbox.game import GameSettings, RunningGame, running_game
from tmxdb.sandbox.process import RunningSite, running_site
from tmxdb.sandbox.settings import Settings

__all__ = ["GameSettings", "RunningGame", "RunningSite", "Settings", "running_game", "running_site"]
