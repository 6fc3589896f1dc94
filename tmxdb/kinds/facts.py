"""From bytes to columns: is this the file that was asked for, and what does it say?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tmxdb.errors import GbxError, WrongBody
from tmxdb.gbx import Challenge, Replay, read_challenge, read_replay, with_pygbx

_HTML = (b"<", b"\xef\xbb\xbf<")
LONGEST_NAME = 1000
FACTS_VERSION = 1
"""Grows when more is read of files than before: `tmxdb reread` then fills the rows of older ones."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads GBX files: tmxdb itself, or another library behind the same dataclasses."""

    replay: Callable[[bytes], Replay] = read_replay
    challenge: Callable[[bytes], Challenge] = read_challenge


def reader(name: str) -> Reader:
    """The reader `own` or `pygbx`. Raises UserMustAct when the latter is first used and not installed."""
    return Reader() if name == "own" else Reader(with_pygbx.read_replay, with_pygbx.read_challenge)


def whole_replay(data: bytes, item: str, read: Reader) -> Replay:
    """The replay in `data`. Raises WrongBody if it is anything but a whole replay of a run on a map."""
    try:
        replay = read.replay(data)
        if replay.is_ghost_file:
            raise GbxError("gbx.wrong_class", "a ghost without a map, not a replay", 9)
        replay.check_whole()
        return replay
    except GbxError as error:
        raise _wrong(data, item, error) from error


def whole_challenge(data: bytes, item: str, read: Reader) -> Challenge:
    """The map in `data`. Raises WrongBody if it is anything but a whole map."""
    try:
        challenge = read.challenge(data)
        challenge.container.unpack_body()
        return challenge
    except GbxError as error:
        raise _wrong(data, item, error) from error


def replay_columns(replay: Replay, track_uid: str | None) -> dict[str, Any]:
    """What the file of a replay says, for its row. A part that can not be read is None and named in `unread`."""
    read = _Parts()
    map_uid = read.text(lambda: replay.map_uid)
    checkpoints = read(lambda: replay.checkpoints_ms)
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
        "checkpoint_count": None if checkpoints is None else len(checkpoints),
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


def input_events(replay: Replay) -> str | None:
    """The inputs of a replay as the table `inputs` keeps them; None if there are none to be read."""
    try:
        events = replay.inputs
    except GbxError:
        return None
    if not events:
        return None
    return json.dumps([[event.time_ms, event.control, event.value] for event in events], separators=(",", ":"))


def map_columns(challenge: Challenge, track_uid: str | None) -> dict[str, Any]:
    """What a map file says, for its row."""
    read = _Parts()
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


class _Parts:
    """Asks for one fact after the other; a damaged part costs its own facts only."""

    def __init__(self) -> None:
        self._damage: list[str] = []

    def __call__(self, ask: Callable[[], Any]) -> Any:
        try:
            value = ask()
        except GbxError as error:
            if str(error) not in self._damage:
                self._damage.append(str(error))
            return None
        # What a 32-bit column of PostgreSQL can not hold is no fact but damage.
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            self._damage.append(f"a number out of range: {value}")
            return None
        return value

    def text(self, ask: Callable[[], str | None]) -> str | None:
        """A text without what no database stores: NUL and lone surrogates."""
        value = self(ask)
        return None if value is None else storable(value)[:LONGEST_NAME]

    def names(self, ask: Callable[[], tuple[str, ...]]) -> str | None:
        """JSON of a list of names; None if there are none."""
        names = self(ask)
        return json.dumps([storable(name)[:LONGEST_NAME] for name in names]) if names else None

    def unread(self, ask: Callable[[], tuple[str, ...]]) -> str | None:
        """JSON of all that was not understood or could not be read; None if that is nothing."""
        parts = [*(self(ask) or ()), *self._damage]
        return json.dumps([storable(part)[:LONGEST_NAME] for part in parts], ensure_ascii=False) if parts else None


def storable(text: str) -> str:
    """`text` as UTF-8 can carry it and PostgreSQL takes it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _wrong(data: bytes, item: str, error: GbxError) -> WrongBody:
    if data.startswith(_HTML):
        return WrongBody(f"{item}: a web page instead of the file.", code="tmx.html")
    if not data:
        return WrongBody(f"{item}: an empty file.", code="tmx.empty")
    return WrongBody(f"{item}: {error}", code=error.code)
