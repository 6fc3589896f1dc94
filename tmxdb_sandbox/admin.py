"""Paths under /_sandbox/ to inspect and change the running site, without faults, latency and logging."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay
from tmxdb_sandbox.files.source import FileSource
from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import Request, Response, json_response, make_response, problem_response
from tmxdb_sandbox.wire.request_log import RequestLog

PREFIX = "/_sandbox/"
_MAX_ADDED = 1_000_000
_OLDER_NAMES = {"board": "leaderboard", "forget": "clear-log", "touch-track": "update-track"}


class AdminTarget(Protocol):
    """What the admin paths read and change."""

    catalogue: Catalogue
    files: FileSource
    request_log: RequestLog
    default_latency_s: float

    @property
    def faults(self) -> list[str]: ...

    def set_faults(self, texts: list[str]) -> None: ...

    def hold(self) -> None: ...

    def release(self) -> None: ...


class _UnknownId(Exception):
    """No track or replay has this id."""


class AdminApi:
    """Answers requests to the admin paths."""

    def __init__(self, target: AdminTarget) -> None:
        self._target = target
        self._paths: dict[str, Callable[[Request], Any]] = {
            "stats": lambda request: target.request_log.stats(),
            "log": lambda request: target.request_log.log(),
            "clear-log": lambda request: target.request_log.clear(),
            "faults": self._faults,
            "latency": self._latency,
            "hold": lambda request: target.hold(),
            "release": lambda request: target.release(),
            "tracks": lambda request: self._track_ids(),
            "leaderboard": lambda request: [_facts(replay) for replay in self._leaderboard(request)],
            "replay-file": self._replay_file,
            "track-file": self._track_file,
            "add-tracks": lambda request: self._catalogue.add_tracks(_number(request, "n", _MAX_ADDED)),
            "add-replays": lambda request: self._catalogue.add_replays(
                self._index(request), _number(request, "n", _MAX_ADDED)
            ),
            "add-record": lambda request: self._catalogue.add_record(self._index(request)),
            "withdraw-replay": lambda request: self._catalogue.withdraw_replay(self._replay(request).replay_id),
            "update-track": lambda request: self._catalogue.update_track(self._index(request)),
            "delete-track": lambda request: self._catalogue.delete_track(self._index(request)),
            "delete-replay": lambda request: self._catalogue.delete_replay(self._replay(request).replay_id),
        }

    def serve(self, request: Request) -> Response:
        path = self._paths.get(_current_name(request.path.removeprefix(PREFIX)))
        if path is None:
            return problem_response(f"Unknown admin path. Known paths: {', '.join(self._paths)}", 404)
        try:
            value = path(request)
        except _UnknownId:
            return problem_response("No such id", 404)
        except (ValueError, RecursionError) as error:
            return problem_response(str(error))
        return value if isinstance(value, Response) else json_response(value)

    @property
    def _catalogue(self) -> Catalogue:
        return self._target.catalogue

    def _faults(self, request: Request) -> list[str]:
        """Return the active faults, after replacing them.

        Accepts a POST with a JSON list, or a GET with `fault=` for each (one empty `fault=` removes all).
        """
        texts = [value for name, value in request.parameters() if name == "fault"]
        if request.method == "POST":
            texts = json.loads(request.body)
            if not isinstance(texts, list):
                raise ValueError("expected a JSON list of fault rules")
        if request.method == "POST" or texts:
            self._target.set_faults([str(text) for text in texts if text])
        return self._target.faults

    def _latency(self, request: Request) -> float:
        self._target.default_latency_s = _number(request, "ms") / 1000
        return self._target.default_latency_s

    def _track_ids(self) -> list[int]:
        ids = map(self._catalogue.track_id, range(self._catalogue.size))
        return [track_id for track_id in ids if self._catalogue.index_of(track_id) is not None]

    def _index(self, request: Request) -> int:
        index = self._catalogue.index_of(_number(request, "id"))
        if index is None:
            raise _UnknownId
        return index

    def _leaderboard(self, request: Request) -> list[CatalogueReplay]:
        return self._catalogue.leaderboard(self._index(request))

    def _replay(self, request: Request) -> CatalogueReplay:
        replay = self._catalogue.replay(_number(request, "id"))
        if replay is None:
            raise _UnknownId
        return replay

    def _replay_file(self, request: Request) -> Response:
        return make_response(200, self._target.files.replay(self._replay(request)), "application/gbx")

    def _track_file(self, request: Request) -> Response:
        track = self._catalogue.track_at(self._index(request))
        return make_response(200, self._target.files.challenge(track), "application/gbx")


def _current_name(path: str) -> str:
    return _OLDER_NAMES.get(path, path)


def _number(request: Request, name: str, at_most: int = 2**63 - 1) -> int:
    """Return a parameter that must be a whole number from 0 to `at_most`."""
    number = whole_number(dict(request.parameters()).get(name, ""))
    if number is None or number > at_most:
        raise ValueError(f"{name} must be a whole number from 0 to {at_most:,}")
    return number


def _facts(replay: CatalogueReplay) -> dict[str, Any]:
    """Return the facts that the file of this replay must contain."""
    return {
        "replay_id": replay.replay_id,
        "track_id": replay.track.track_id,
        "map_uid": replay.track.uid_of(replay.version),
        "user": replay.driver.name,
        "login": replay.driver.login,
        "nickname": replay.driver.nickname,
        "race_time_ms": replay.race_time_ms,
        "respawns": replay.respawns,
        "position": replay.position,
        "removed": replay.removed,
    }
