"""The HTTP client of the sandbox tests."""

from __future__ import annotations

from typing import Any

import requests


class Client:
    """A client without checks or retries."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self.session = session
        self.url = url

    def get(self, path: str, **parameters: object) -> requests.Response:
        query = {name.rstrip("_"): str(value) for name, value in parameters.items()}
        return self.session.get(self.url + path, params=query, timeout=60, allow_redirects=False)

    def tracks(self, **parameters: object) -> dict[str, Any]:
        response = self.get("/api/tracks", **{"fields": "TrackId", **parameters})
        assert response.status_code == 200, response.text
        return response.json()

    def track_ids(self, **parameters: object) -> list[int]:
        return [row["TrackId"] for row in self.tracks(**{"count": 1000, **parameters})["Results"]]

    def replays(self, track_id: int, **parameters: object) -> dict[str, Any]:
        response = self.get("/api/replays", **{"trackId": track_id, "fields": "ReplayId", **parameters})
        assert response.status_code == 200, response.text
        return response.json()
