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
from tmxdb.storable_text import storable

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
    read = _FactReader()
    map_uid = read.text(lambda: replay.map_uid)
    checkpoints = read(lambda: replay.checkpoints_ms)  # null for a crossing without a time
    return {
        "game": read.text(lambda: replay.game),
        "game_version": read.text(lambda: replay.game_version),
        "map_uid": map_uid,
        "map_uid_matches": map_uid == track_uid if map_uid and track_uid else None,
        "map_environment": read.text(lambda: replay.map_environment),
        "map_author": read.text(lambda: replay.map_author),
        "finished": read(lambda: replay.finished),
        "race_time_ms": read(lambda: replay.race_time_ms),
        "stunt_score": read(lambda: replay.stunt_score),
        "respawns": read(lambda: replay.respawns),
        "respawn_events": read(lambda: replay.respawn_events),
        "checkpoint_count": read(lambda: replay.checkpoint_count),
        "checkpoints_ms": None if checkpoints is None else json.dumps(checkpoints),
        "login": read.text(lambda: replay.login),
        "nickname": read.text(lambda: replay.nickname),
        "nickname_plain": read.text(lambda: replay.nickname_plain),
        "ghost_uid": read.text(lambda: replay.ghost_uid),
        "ghost_count": read(lambda: replay.ghost_count),
        "input_count": read(lambda: replay.input_count),
        "control_names": read.names(lambda: replay.control_names),
        "device": read.text(lambda: replay.device),
        "validable": read(lambda: replay.validable),
        "sample_period_ms": read(lambda: replay.sample_period_ms),
        "unread": read.unread(lambda: replay.unread),
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
    read = _FactReader()
    uid = read.text(lambda: challenge.uid)
    return {
        "uid": uid,
        "uid_matches": uid == track_uid if uid and track_uid else None,
        "name": read.text(lambda: challenge.name),
        "name_plain": read.text(lambda: challenge.name_plain),
        "author": read.text(lambda: challenge.author),
        "environment": read.text(lambda: challenge.environment),
        "mood": read.text(lambda: challenge.mood),
        "map_type": read.text(lambda: challenge.map_type),
        "laps": read(lambda: challenge.laps),
        "is_multilap": read(lambda: challenge.is_multilap),
        "checkpoint_count": read(lambda: challenge.checkpoint_count),
        "author_ms": read(lambda: challenge.author_ms),
        "gold_ms": read(lambda: challenge.gold_ms),
        "silver_ms": read(lambda: challenge.silver_ms),
        "bronze_ms": read(lambda: challenge.bronze_ms),
        "author_score": read(lambda: challenge.author_score),
        "cost": read(lambda: challenge.cost),
        "password_protected": read(lambda: challenge.password_protected),
        "has_intro": read(lambda: challenge.has_intro),
        "intro_ms": read(lambda: challenge.intro_ms),
        "thumbnail_bytes": read(lambda: len(challenge.thumbnail or b"")),
        "comments": read.text(lambda: challenge.comments),
        "game": read.text(lambda: challenge.game),
        "exever": read.text(lambda: challenge.exever),
        "unread": read.unread(lambda: challenge.unread),
        "facts_version": FACTS_VERSION,
    }


class _FactReader:
    """Reads facts one by one. Damage in one part affects only the facts of that part."""

    def __init__(self) -> None:
        self._damage: list[str] = []

    def __call__(self, get: Callable[[], Any]) -> Any:
        """Return the fact; None if its part is damaged."""
        try:
            value = get()
        except GbxError as error:
            if str(error) not in self._damage:
                self._damage.append(str(error))
            return None
        # Integer columns of PostgreSQL have 32 bits.
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            self._damage.append(f"number out of range: {value}")
            return None
        return value

    def text(self, get: Callable[[], str | None]) -> str | None:
        """Return a text that every database can store; None if its part is damaged."""
        value = self(get)
        return None if value is None else storable(value)[:MAX_TEXT_CHARS]

    def names(self, get: Callable[[], tuple[str, ...]]) -> str | None:
        """Return a list of names as JSON; None for an empty list."""
        names = self(get)
        return json.dumps([storable(name)[:MAX_TEXT_CHARS] for name in names]) if names else None

    def unread(self, get: Callable[[], tuple[str, ...]]) -> str | None:
        """Return everything that was not understood or unreadable as a JSON list; None if there is nothing."""
        parts = [*(self(get) or ()), *self._damage]
        return json.dumps([storable(part)[:MAX_TEXT_CHARS] for part in parts], ensure_ascii=False) if parts else None


def _invalid(data: bytes, item: str, error: GbxError) -> InvalidResponse:
    if data.startswith(_HTML):
        return InvalidResponse(f"{item}: a web page instead of the file.", code="tmx.html")
    if not data:
        return InvalidResponse(f"{item}: an empty file.", code="tmx.empty")
    return InvalidResponse(f"{item}: {error}", code=error.code, digest=hashlib.sha256(data).hexdigest())
