"""The simulated exchange in a child process, for tests and the demo."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tmxdb.errors import InvalidInput
from tmxdb_sandbox.child import started
from tmxdb_sandbox.settings import Settings

_TIMEOUT_S = 300.0  # sorting a million tracks takes seconds, and the machine may be busy


class RunningSite:
    """A running sandbox. `url` is what a client needs; the methods inspect and change the site."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings

    # Inspecting

    def stats(self) -> dict[str, Any]:
        """Return the counters: requests, by_path, by_status, faults, connections, max_connections, in_flight …"""
        return dict(self._json("stats"))

    def log(self) -> list[dict[str, Any]]:
        """Return every request in order: time, method, path, status, connection, fault, user_agent."""
        return list(self._json("log"))

    def track_ids(self) -> list[int]:
        return list(self._json("tracks"))

    def leaderboard(self, track_id: int) -> list[dict[str, Any]]:
        """Return all replays of a track in the order of the site, with the facts that their files contain."""
        return list(self._json("leaderboard", id=track_id))

    def expected_replay(self, replay_id: int) -> bytes:
        return self._request("replay-file", id=replay_id)

    def expected_track(self, track_id: int) -> bytes:
        """Return the file that /trackgbx serves now."""
        return self._request("track-file", id=track_id)

    # Changing

    def set_faults(self, faults: Sequence[str]) -> None:
        """Replace the faults. Attempts and seconds are counted from now."""
        self._request("faults", post=json.dumps(list(faults)))

    def set_latency(self, ms: int) -> None:
        self._request("latency", ms=ms)

    def hold(self) -> None:
        """Hold all further responses until `release`. Faults are chosen on arrival of the request."""
        self._request("hold")

    def release(self) -> None:
        """Send all held responses and hold no more."""
        self._request("release")

    def clear_log(self) -> None:
        """Delete the log and reset the counters."""
        self._request("clear-log")

    def add_tracks(self, n: int) -> list[int]:
        return list(self._json("add-tracks", n=n))

    def add_replays(self, track_id: int, n: int) -> list[int]:
        return list(self._json("add-replays", id=track_id, n=n))

    def add_record(self, track_id: int) -> int:
        """Upload a replay that is faster than all others of the track, and return its id."""
        return int(self._json("add-record", id=track_id))

    def withdraw_replay(self, replay_id: int) -> None:
        """Remove a replay from its leaderboard, and its file."""
        self._request("withdraw-replay", id=replay_id)

    def update_track(self, track_id: int) -> None:
        """Replace the track's file: new uid, bytes and UpdatedAt. All replays belong to the older version."""
        self._request("update-track", id=track_id)

    def delete_track(self, track_id: int) -> None:
        self._request("delete-track", id=track_id)

    def delete_replay(self, replay_id: int) -> None:
        """Remove the replay's file, which then answers 404. The replay stays on the leaderboard."""
        self._request("delete-replay", id=replay_id)

    def _json(self, path: str, **parameters: int) -> Any:
        return json.loads(self._request(path, post=None, **parameters))

    def _request(self, path: str, *, post: str | None = None, **parameters: int) -> bytes:
        target = f"/_sandbox/{path}?{urlencode(parameters)}"
        # One connection per request, so that threads and forked processes can use one RunningSite.
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_TIMEOUT_S)
        try:
            connection.request("GET" if post is None else "POST", target, post)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise InvalidInput(str(json.loads(content)["detail"]))
        return content


@contextlib.contextmanager
def running_site(settings: Settings | None = None, **changes: Any) -> Iterator[RunningSite]:
    """Run a sandbox on a free port inside the block: `with running_site(tracks=20, faults=["cut:5%"]) as site:`.

    Takes `Settings` or its fields by name. Raise InvalidInput if they are unusable.
    """
    settings = settings or Settings(**changes)
    with started("tmxdb_sandbox", settings=settings.to_json(), greeting="http") as (_, url):
        yield RunningSite(url, settings)
