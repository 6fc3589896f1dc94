"""The stand-in in its own process, for tests and the demo: started, asked, and stopped for sure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tmxdb.errors import BadInput
from tmxdb.sandbox.child import started
from tmxdb.sandbox.settings import Settings

_ANSWER_S = 60.0  # an order over a million tracks takes seconds to compute


class RunningSite:
    """A running sandbox; `url` is what a client needs. The other methods are for whoever watches."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings

    # Looking

    def stats(self) -> dict[str, Any]:
        """Counters: requests, by_path, by_status, faults, connections, max_connections, max_in_flight …"""
        return dict(self._json("stats"))

    def log(self) -> list[dict[str, Any]]:
        """Every request in order: time, method, path, status, connection, fault, user_agent."""
        return list(self._json("log"))

    def track_ids(self) -> list[int]:
        return list(self._json("tracks"))

    def board(self, track_id: int) -> list[dict[str, Any]]:
        """All replays of a track as the site orders them, with what their files must say."""
        return list(self._json("board", id=track_id))

    def expected_replay(self, replay_id: int) -> bytes:
        return self._ask("replay-file", id=replay_id)

    def expected_track(self, track_id: int) -> bytes:
        """What /trackgbx serves now."""
        return self._ask("track-file", id=track_id)

    # Changing

    def set_faults(self, faults: Sequence[str]) -> None:
        """These and no others from now on; their tries and seconds are counted from here."""
        self._ask("faults", post=json.dumps(list(faults)))

    def set_latency(self, ms: int) -> None:
        self._ask("latency", ms=ms)

    def forget(self) -> None:
        """Empties the log and sets the counters to nothing."""
        self._ask("forget")

    def add_tracks(self, n: int) -> list[int]:
        return list(self._json("add-tracks", n=n))

    def add_replays(self, track_id: int, n: int) -> list[int]:
        return list(self._json("add-replays", id=track_id, n=n))

    def touch_track(self, track_id: int) -> None:
        """The author replaces the file: new uid, new bytes, later UpdatedAt; the replays are of the older version."""
        self._ask("touch-track", id=track_id)

    def delete_track(self, track_id: int) -> None:
        self._ask("delete-track", id=track_id)

    def delete_replay(self, replay_id: int) -> None:
        """The row stays listed, the file answers 404."""
        self._ask("delete-replay", id=replay_id)

    def _json(self, what: str, **parameters: int) -> Any:
        return json.loads(self._ask(what, post=None, **parameters))

    def _ask(self, what: str, *, post: str | None = None, **parameters: int) -> bytes:
        target = f"/_sandbox/{what}?{urlencode(parameters)}"
        # A connection each time, so that threads and forked processes may ask as they like.
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_ANSWER_S)
        try:
            connection.request("GET" if post is None else "POST", target, post)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise BadInput(str(json.loads(content)["detail"]))
        return content


@contextlib.contextmanager
def running_site(settings: Settings | None = None, **changes: Any) -> Iterator[RunningSite]:
    """A sandbox on a free port, alive inside the `with`: `with running_site(tracks=20, faults=["cut:5%"]) as site:`.

    Takes `Settings`, or its fields by name. Raises BadInput if they can not be used.
    """
    settings = settings or Settings(**changes)
    with started("tmxdb.sandbox", settings=settings.to_json(), greeting="http") as (_, url):
        yield RunningSite(url, settings)
