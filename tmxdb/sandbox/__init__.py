"""A stand-in for the exchange on loopback: for the demo, the tests and the benchmarks.

    with running_site(tracks=20, replays=5) as site:
        requests.get(f"{site.url}/api/tracks", params={"fields": "TrackId"}, headers={"User-Agent": "me"})

It shares no code with the client of the exchange (`tmxdb.tmx`), so that it shares no mistake with it either.
"""

from tmxdb.sandbox.process import RunningSite, running_site
from tmxdb.sandbox.settings import Settings

__all__ = ["RunningSite", "Settings", "running_site"]
