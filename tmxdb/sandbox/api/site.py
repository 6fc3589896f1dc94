"""The healthy site: which path gives what."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb.sandbox.api import replays
from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.api.tables import TAGS
from tmxdb.sandbox.api.tracks import TrackList
from tmxdb.sandbox.catalogue.catalogue import Catalogue
from tmxdb.sandbox.files.shelf import Shelf
from tmxdb.sandbox.wire.messages import Request, Response, answer, html_answer, json_answer, problem

_NOT_FOUND = "404 - File or directory not found."


class Site:
    """Answers a request as the exchange would on a good day."""

    def __init__(self, catalogue: Catalogue, shelf: Shelf, *, empty_is_404: bool = True) -> None:
        self._catalogue = catalogue
        self._shelf = shelf
        self._empty_is_404 = empty_is_404
        self._tracks = TrackList(catalogue)
        self._paths: dict[str, Callable[[Request], Response]] = {
            "/": lambda request: html_answer(200, "tmxdb sandbox"),
            "/api/tracks": lambda request: json_answer(self._tracks.answer(request.parameters())),
            "/api/replays": self._replays,
            "/api/meta/tags": lambda request: json_answer([{"Id": n, "Name": name} for n, name in enumerate(TAGS)]),
        }
        self._files: dict[str, Callable[[int], Response]] = {
            "/recordgbx": self._replay_file,
            "/trackgbx": self._track_file,
        }

    def serve(self, request: Request) -> Response:
        if request.method != "GET":
            return html_answer(405, "405 - Method not allowed.")
        if not request.headers.get("user-agent"):
            return problem("A User-Agent header is required")
        head, _, last = request.path.rpartition("/")
        try:
            if head in self._files and last.isascii() and last.isdecimal() and len(last) < 20:
                return self._files[head](int(last))
            # Not everybody knows the case of a path; ASP.NET sites do not mind.
            page = self._paths.get(request.path.lower())
            return page(request) if page else html_answer(404, _NOT_FOUND)
        except Refusal as refusal:
            return problem(refusal.detail, refusal.status)

    def _replays(self, request: Request) -> Response:
        return json_answer(replays.answer(self._catalogue, request.parameters(), empty_is_404=self._empty_is_404))

    def _replay_file(self, replay_id: int) -> Response:
        replay = self._catalogue.replay(replay_id)
        if replay is None or replay.removed:
            return html_answer(404, _NOT_FOUND)
        # The real site writes this header now with quotes and now without (trakman).
        name = f"{replay_id}.Replay.Gbx" if replay_id % 2 else f'"{replay_id}.Replay.Gbx"'
        return _gbx(self._shelf.replay(replay), name)

    def _track_file(self, track_id: int) -> Response:
        track = self._catalogue.track(track_id)
        if track is None:
            return html_answer(404, _NOT_FOUND)
        return _gbx(self._shelf.challenge(track), f'"{track_id}.Challenge.Gbx"')


def _gbx(body: bytes, name: str) -> Response:
    return answer(200, body, "application/gbx", Content_Disposition=f"attachment; filename={name}")
