"""Facts of downloaded files as columns of their rows, and the check that a file is what was requested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tmxdb.db.packed_inputs import pack_columns
from tmxdb.errors import GbxError, InvalidResponse
from tmxdb.gbx import Challenge, Replay, read_challenge, read_replay, with_pygbx
from tmxdb.storable_text import MAX_INDEXED, storable
from tmxdb.tmx.endpoints import ENVIRONMENTS, MOODS

_HTML = (b"<", b"\xef\xbb\xbf<")
MAX_TEXT_CHARS = 1000
FACTS_VERSION = 2
"""Incremented when more is read from files; `tmxdb reread` then updates the rows of files read before."""


@dataclass(frozen=True, slots=True)
class GbxReader:
    """The functions that read GBX files: tmxdb's own, or another library's behind the same dataclasses."""

    replay: Callable[[bytes], Replay] = read_replay
    challenge: Callable[[bytes], Challenge] = read_challenge


def reader(name: str) -> GbxReader:
    """Return the reader `own` or `pygbx`. The latter raises UserActionRequired on first use if it is not installed."""
    return GbxReader() if name == "own" else GbxReader(with_pygbx.read_replay, with_pygbx.read_challenge)


def parse_replay(data: bytes, item: str, read: GbxReader) -> Replay:
    """Return the replay in `data`. Raise InvalidResponse if it is not a complete replay of a run on a map."""
    try:
        replay = read.replay(data)
        if replay.is_ghost_file:
            raise GbxError("gbx.wrong_class", "a ghost without a map, not a replay", 9)
        replay.check_whole()
        return replay
    except GbxError as error:
        raise _invalid(data, item, error) from error


def parse_challenge(data: bytes, item: str, read: GbxReader) -> Challenge:
    """Return the map in `data`. Raise InvalidResponse if it is not a complete map."""
    try:
        challenge = read.challenge(data)
        challenge.container.unpack_body()
        return challenge
    except GbxError as error:
        raise _invalid(data, item, error) from error


def replay_columns(replay: Replay, track_uid: str | None) -> dict[str, Any]:
    """Return the columns of a replay's row. Facts of an unreadable part are None, and `unread` says why."""
    read = _FactReader(replay)
    map_uid = read.text("map_uid")
    checkpoints = read("checkpoints_ms")  # null for a crossing without a time
    return {
        "game": read.text("game"),
        "game_version": read.text("game_version"),
        "map_uid": map_uid,
        "map_uid_matches": map_uid == track_uid if map_uid and track_uid else None,
        "map_environment": read.text("map_environment"),
        "map_author": read.text("map_author"),
        "finished": read("finished"),
        "race_time_ms": read("race_time_ms"),
        "stunt_score": read("stunt_score"),
        "respawns": read("respawns"),
        "respawn_events": read("respawn_events"),
        "checkpoint_count": read("checkpoint_count"),
        "checkpoints_ms": None if checkpoints is None else json.dumps(checkpoints),
        "login": read.text("login"),
        "nickname": read.text("nickname"),
        "nickname_plain": read.text("nickname_plain"),
        "ghost_uid": read.text("ghost_uid"),
        "ghost_count": read("ghost_count"),
        "input_count": read("input_count"),
        "control_names": read.names("control_names"),
        "device": read.text("device"),
        "validable": read("validable"),
        "sample_period_ms": read("sample_period_ms"),
        "unread": read.unread(),
        "facts_version": FACTS_VERSION,
    }


def input_events(replay: Replay) -> bytes | None:
    """Return the packed inputs of a replay, for `inputs_for`; None without readable inputs."""
    try:
        inputs = replay.recorded
        return pack_columns(inputs.controls, *inputs.columns) if inputs is not None and inputs.count else None
    except GbxError:
        return None


def map_columns(challenge: Challenge, track_uid: str | None) -> dict[str, Any]:
    """Return the columns of a map's row, as `replay_columns` does."""
    read = _FactReader(challenge)
    uid = read.text("uid", MAX_INDEXED)
    return {
        "uid": uid,
        "uid_matches": uid == track_uid if uid and track_uid else None,
        "name": read.text("name"),
        "name_plain": read.text("name_plain"),
        "author": read.text("author"),
        "environment": read.text("environment"),
        "mood": read.text("mood"),
        "map_type": read.text("map_type"),
        "laps": read("laps"),
        "is_multilap": read("is_multilap"),
        "checkpoint_count": read("checkpoint_count"),
        "author_ms": read("author_ms"),
        "gold_ms": read("gold_ms"),
        "silver_ms": read("silver_ms"),
        "bronze_ms": read("bronze_ms"),
        "author_score": read("author_score"),
        "cost": read("cost"),
        "password_protected": read("password_protected"),
        "has_intro": read("has_intro"),
        "intro_ms": read("intro_ms"),
        "thumbnail_bytes": read("thumbnail_bytes"),
        "comments": read.text("comments"),
        "game": read.text("game"),
        "exever": read.text("exever"),
        "unread": read.unread(),
        "facts_version": FACTS_VERSION,
    }


def track_numbers(environment: str | None, mood: str | None) -> dict[str, int | None]:
    """Return environment and mood of a local track in the numbers of `tracks`, from those that its map file has.

    In some environments the mood has the size of the map: `30x30Sunset`. What the exchange has no number for is None.
    """
    name = _ENVIRONMENT_NAMES.get(environment or "", (environment or "").lower())
    last = next((number for number, known in enumerate(MOODS) if (mood or "").lower().endswith(known)), None)
    return {"environment": ENVIRONMENTS.index(name) + 1 if name in ENVIRONMENTS else None, "mood": last}


_ENVIRONMENT_NAMES = {"Alpine": "snow", "Speed": "desert"}


class _FactReader:
    """Reads facts of a file by name. Damage in one part affects only the facts of that part."""

    def __init__(self, file: Replay | Challenge) -> None:
        self._file = file
        self._damage: list[str] = []

    def __call__(self, name: str) -> Any:
        """Return the fact; None if its part is damaged."""
        try:
            value = getattr(self._file, name)
        except GbxError as error:
            if str(error) not in self._damage:
                self._damage.append(str(error))
            return None
        # Integer columns of PostgreSQL have 32 bits.
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            self._damage.append(f"number out of range: {value}")
            return None
        return value

    def text(self, name: str, at_most: int = MAX_TEXT_CHARS) -> str | None:
        """Return a text that every database can store; None if its part is damaged."""
        value = self(name)
        return None if value is None else storable(value)[:at_most]

    def names(self, name: str) -> str | None:
        """Return a list of names as JSON; None for an empty list."""
        names = self(name)
        return json.dumps([storable(one)[:MAX_TEXT_CHARS] for one in names]) if names else None

    def unread(self) -> str | None:
        """Return everything that was not understood or unreadable as a JSON list; None if there is nothing."""
        parts = [*(self("unread") or ()), *self._damage]
        return json.dumps([storable(part)[:MAX_TEXT_CHARS] for part in parts], ensure_ascii=False) if parts else None


def _invalid(data: bytes, item: str, error: GbxError) -> InvalidResponse:
    if data.startswith(_HTML):
        return InvalidResponse(f"{item}: a web page instead of the file.", code="tmx.html")
    if not data:
        return InvalidResponse(f"{item}: an empty file.", code="tmx.empty")
    return InvalidResponse(f"{item}: {error}", code=error.code, digest=hashlib.sha256(data).hexdigest())
