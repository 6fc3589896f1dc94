"""Everything that a file tells, by name, ready for JSON: what `tmxdb gbx show` prints.

Times end in `_ms`. A part that is damaged leaves its names out and is told about in `problems`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tmxdb.errors import GbxError

from .challenge import Challenge
from .format.classes import CHALLENGE
from .format.container import read_container
from .replay import Replay

_REPLAY = (
    "game", "map_uid", "map_environment", "map_author", "race_time_ms", "finished", "stunt_score", "checkpoints_ms",
    "respawns", "respawn_events", "login", "nickname", "nickname_plain", "ghost_uid", "ghost_count", "game_version",
    "exever", "validable", "device", "input_count", "control_names", "sample_period_ms", "has_clip", "unread",
)  # fmt: skip

_CHALLENGE = (
    "game", "uid", "name", "name_plain", "author", "environment", "mood", "map_type", "is_multilap", "laps",
    "checkpoint_count", "bronze_ms", "silver_ms", "gold_ms", "author_ms", "author_score", "cost",
    "password_protected", "has_intro", "intro_ms", "exever", "comments", "unread",
)  # fmt: skip


def file_facts(
    data: bytes, read_replay: Callable[[bytes], Replay], read_challenge: Callable[[bytes], Challenge]
) -> dict[str, Any]:
    """The facts of a replay, a ghost or a map, whichever it is; GbxError if it is none of them or not whole."""
    problems: list[str] = []
    if read_container(data).class_id == CHALLENGE:
        challenge = read_challenge(data)
        challenge.container.unpack_body()
        return {"kind": "map", **_facts_of_map(challenge, problems), "problems": problems}
    replay = read_replay(data)
    replay.check_whole()
    facts = {"kind": "ghost" if replay.is_ghost_file else "replay", **_ask(replay, _REPLAY, problems)}
    if not replay.is_ghost_file:
        facts["map"] = _map_inside(replay, problems)
    return {**facts, "problems": problems}


def _map_inside(replay: Replay, problems: list[str]) -> dict[str, Any] | None:
    try:
        data = replay.map_bytes
    except GbxError as error:
        _note(error, problems)
        return None
    size = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    return {**_facts_of_map(replay.challenge, problems), **size}


def _facts_of_map(challenge: Challenge, problems: list[str]) -> dict[str, Any]:
    facts = _ask(challenge, (*_CHALLENGE, "thumbnail"), problems)
    if "thumbnail" in facts:
        facts["thumbnail_bytes"] = len(facts.pop("thumbnail") or b"")
    return facts


def _ask(thing: Replay | Challenge, names: tuple[str, ...], problems: list[str]) -> dict[str, Any]:
    facts = {}
    for name in names:
        try:
            value = getattr(thing, name)
        except GbxError as error:
            _note(error, problems)
        else:
            facts[name] = list(value) if isinstance(value, tuple) else value
    return facts


def _note(error: GbxError, problems: list[str]) -> None:
    """A damage that several questions run into is told once."""
    if str(error) not in problems:
        problems.append(str(error))
