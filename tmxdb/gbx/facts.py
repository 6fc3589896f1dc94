"""All facts of a file by name, ready for JSON: what `tmxdb gbx show` prints.

Names of times end in `_ms`. Facts of a damaged part are left out, and `problems` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tmxdb.errors import GbxError
from tmxdb.gbx.challenge import Challenge
from tmxdb.gbx.format.classes import CHALLENGE
from tmxdb.gbx.format.container import read_container
from tmxdb.gbx.replay import Replay

_REPLAY_FACTS = (
    "game", "map_uid", "map_environment", "map_author", "race_time_ms", "finished", "stunt_score",
    "checkpoint_count", "checkpoints_ms", "respawns", "respawn_events", "login", "nickname", "nickname_plain",
    "ghost_uid", "ghost_count", "game_version", "exever", "validable", "device", "input_count", "control_names",
    "sample_period_ms", "has_clip", "unread",
)  # fmt: skip

_CHALLENGE_FACTS = (
    "game", "uid", "name", "name_plain", "author", "environment", "mood", "map_type", "is_multilap", "laps",
    "checkpoint_count", "bronze_ms", "silver_ms", "gold_ms", "author_ms", "author_score", "cost",
    "password_protected", "has_intro", "intro_ms", "exever", "comments", "unread",
)  # fmt: skip


def file_facts(
    data: bytes, read_replay: Callable[[bytes], Replay], read_challenge: Callable[[bytes], Challenge]
) -> dict[str, Any]:
    """Return the facts of a replay, ghost or map. Raise GbxError if `data` is anything else, or incomplete."""
    problems: list[str] = []
    if read_container(data).class_id == CHALLENGE:
        challenge = read_challenge(data)
        challenge.container.unpack_body()
        return {"kind": "map", **_map_facts(challenge, problems), "problems": problems}
    replay = read_replay(data)
    replay.check_whole()
    facts = {"kind": "ghost" if replay.is_ghost_file else "replay", **_collect(replay, _REPLAY_FACTS, problems)}
    if not replay.is_ghost_file:
        facts["map"] = _embedded_map(replay, problems)
    return {**facts, "problems": problems}


def _embedded_map(replay: Replay, problems: list[str]) -> dict[str, Any] | None:
    try:
        data = replay.map_bytes
    except GbxError as error:
        _add_problem(error, problems)
        return None
    size = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    return {**_map_facts(replay.challenge, problems), **size}


def _map_facts(challenge: Challenge, problems: list[str]) -> dict[str, Any]:
    facts = _collect(challenge, (*_CHALLENGE_FACTS, "thumbnail"), problems)
    if "thumbnail" in facts:
        facts["thumbnail_bytes"] = len(facts.pop("thumbnail") or b"")
    return facts


def _collect(source: Replay | Challenge, names: tuple[str, ...], problems: list[str]) -> dict[str, Any]:
    facts = {}
    for name in names:
        try:
            value = getattr(source, name)
        except GbxError as error:
            _add_problem(error, problems)
        else:
            facts[name] = list(value) if isinstance(value, tuple) else value
    return facts


def _add_problem(error: GbxError, problems: list[str]) -> None:
    """Add an error to `problems`, once for all facts that it affects."""
    if str(error) not in problems:
        problems.append(str(error))
