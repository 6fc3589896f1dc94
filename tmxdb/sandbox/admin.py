"""Paths under /_sandbox/: what a test may look at and change while the site runs. Never spoiled, delayed or logged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from tmxdb.sandbox.catalogue.board import Replay
from tmxdb.sandbox.catalogue.catalogue import Catalogue
from tmxdb.sandbox.faults.rule import BadFault
from tmxdb.sandbox.files.shelf import Shelf
from tmxdb.sandbox.wire.journal import Journal
from tmxdb.sandbox.wire.messages import Request, Response, answer, json_answer, problem

PREFIX = "/_sandbox/"


class Controls(Protocol):
    """What the admin paths may turn."""

    catalogue: Catalogue
    shelf: Shelf
    journal: Journal
    usual_latency_s: float

    @property
    def faults(self) -> list[str]: ...

    def set_faults(self, texts: list[str]) -> None: ...


class _Unknown(Exception):
    """No track or replay has this id."""


class Admin:
    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._paths: dict[str, Callable[[Request], Any]] = {
            "stats": lambda request: controls.journal.stats(),
            "log": lambda request: controls.journal.log(),
            "forget": lambda request: controls.journal.clear(),
            "faults": self._faults,
            "latency": self._latency,
            "tracks": lambda request: self._track_ids(),
            "board": lambda request: [_row(replay) for replay in self._board(request)],
            "replay-file": self._replay_file,
            "track-file": self._track_file,
            "add-tracks": lambda request: self._catalogue.add_tracks(_number(request, "n")),
            "add-replays": lambda request: self._catalogue.add_replays(self._index(request), _number(request, "n")),
            "touch-track": lambda request: self._catalogue.update_track(self._index(request)),
            "delete-track": lambda request: self._catalogue.delete_track(self._index(request)),
            "delete-replay": lambda request: self._catalogue.delete_replay(_number(request, "id")),
        }

    def serve(self, request: Request) -> Response:
        path = self._paths.get(request.path.removeprefix(PREFIX))
        if path is None:
            return problem(f"There is {', '.join(self._paths)}", 404)
        try:
            value = path(request)
        except _Unknown:
            return problem("No such id", 404)
        except (BadFault, ValueError) as error:
            return problem(str(error))
        return value if isinstance(value, Response) else json_answer(value)

    @property
    def _catalogue(self) -> Catalogue:
        return self._controls.catalogue

    def _faults(self, request: Request) -> list[str]:
        """POST a JSON list of texts, or GET with `fault=` for each (`fault=` alone for none), to change them."""
        texts = [value for name, value in request.parameters() if name == "fault"]
        if request.method == "POST":
            texts = json.loads(request.body)
            if not isinstance(texts, list):
                raise ValueError("a JSON list of fault texts is wanted")
        if request.method == "POST" or texts:
            self._controls.set_faults([str(text) for text in texts if text])
        return self._controls.faults

    def _latency(self, request: Request) -> float:
        self._controls.usual_latency_s = _number(request, "ms") / 1000
        return self._controls.usual_latency_s

    def _track_ids(self) -> list[int]:
        ids = map(self._catalogue.track_id, range(self._catalogue.size))
        return [track_id for track_id in ids if self._catalogue.index_of(track_id) is not None]

    def _index(self, request: Request) -> int:
        index = self._catalogue.index_of(_number(request, "id"))
        if index is None:
            raise _Unknown
        return index

    def _board(self, request: Request) -> list[Replay]:
        return self._catalogue.board(self._index(request))

    def _replay_file(self, request: Request) -> Response:
        replay = self._catalogue.replay(_number(request, "id"))
        if replay is None:
            raise _Unknown
        return answer(200, self._controls.shelf.replay(replay), "application/gbx")

    def _track_file(self, request: Request) -> Response:
        track = self._catalogue.at(self._index(request))
        return answer(200, self._controls.shelf.challenge(track), "application/gbx")


def _number(request: Request, name: str) -> int:
    return int(dict(request.parameters()).get(name, ""))


def _row(replay: Replay) -> dict[str, Any]:
    """What a downloaded replay must turn out to be."""
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
