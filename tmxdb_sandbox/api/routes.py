"""The paths of the healthy site and their handlers."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.api.replays import list_replays
from tmxdb_sandbox.api.response_fields import TAGS
from tmxdb_sandbox.api.tracks import TrackList
from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.files.source import FileSource
from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import (
    Request,
    Response,
    html_response,
    json_response,
    make_response,
    problem_response,
)

_NOT_FOUND = "404 - File or directory not found."


class SiteApi:
    """Answers requests as the exchange does when nothing fails."""

    def __init__(self, catalogue: Catalogue, files: FileSource, *, empty_is_404: bool = True) -> None:
        self._catalogue = catalogue
        self._files = files
        self._empty_is_404 = empty_is_404
        self._tracks = TrackList(catalogue)
        self._pages: dict[str, Callable[[Request], Response]] = {
            "/": lambda request: html_response(200, "tmxdb sandbox"),
            "/api/tracks": lambda request: json_response(self._tracks.list_tracks(request.parameters())),
            "/api/replays": self._replays,
            "/api/meta/tags": lambda request: json_response([{"Id": n, "Name": name} for n, name in enumerate(TAGS)]),
        }
        self._file_paths: dict[str, Callable[[int], Response]] = {
            "/recordgbx": self._replay_file,
            "/trackgbx": self._track_file,
        }

    def serve(self, request: Request) -> Response:
        if request.method != "GET":
            return html_response(405, "405 - Method not allowed.")
        if not request.headers.get("user-agent"):
            return problem_response("A User-Agent header is required")
        head, _, last = request.path.rpartition("/")
        try:
            if head in self._file_paths and (item := whole_number(last)) is not None:
                return self._file_paths[head](item)
            # ASP.NET sites ignore the case of a path.
            page = self._pages.get(request.path.lower())
            return page(request) if page else html_response(404, _NOT_FOUND)
        except ApiProblem as problem:
            return problem_response(problem.detail, problem.status)

    def _replays(self, request: Request) -> Response:
        return json_response(list_replays(self._catalogue, request.parameters(), empty_is_404=self._empty_is_404))

    def _replay_file(self, replay_id: int) -> Response:
        replay = self._catalogue.replay(replay_id)
        if replay is None or replay.removed:
            return html_response(404, _NOT_FOUND)
        # The real site sends this header sometimes with and sometimes without quotes (seen by trakman).
        name = f"{replay_id}.Replay.Gbx" if replay_id % 2 else f'"{replay_id}.Replay.Gbx"'
        return _gbx_response(self._files.replay(replay), name)

    def _track_file(self, track_id: int) -> Response:
        track = self._catalogue.track(track_id)
        if track is None:
            return html_response(404, _NOT_FOUND)
        return _gbx_response(self._files.challenge(track), f'"{track_id}.Challenge.Gbx"')


def _gbx_response(body: bytes, name: str) -> Response:
    return make_response(200, body, "application/gbx", Content_Disposition=f"attachment; filename={name}")
