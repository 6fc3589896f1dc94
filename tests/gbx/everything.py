"""Ask a file for everything it can tell: each answer is a value or a GbxError, and nothing else ever."""

from __future__ import annotations

from typing import Any

from tmxdb.gbx import Challenge, GbxError, Replay, read_challenge, read_replay

_REPLAY = [name for name, value in vars(Replay).items() if isinstance(value, property)]
_CHALLENGE = [name for name, value in vars(Challenge).items() if isinstance(value, property)]


def read_everything(data: bytes) -> dict[str, Any]:
    """Every property of the bytes as a replay and as a map; the code of the error where there is one."""
    answers: dict[str, Any] = {}
    for kind, read in (("replay", read_replay), ("challenge", read_challenge)):
        try:
            thing = read(data)
        except GbxError as error:
            answers[kind] = error.code
        else:
            answers.update(_answers(kind, thing))
    return answers


def _answers(kind: str, thing: Replay | Challenge) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for name in _REPLAY if isinstance(thing, Replay) else _CHALLENGE:
        try:
            value = getattr(thing, name)
        except GbxError as error:
            value = error.code
        if isinstance(value, Challenge):
            answers.update(_answers("map", value))
        else:
            answers[f"{kind}.{name}"] = value
    if isinstance(thing, Replay):
        answers["whole"] = _code_of(thing.check_whole)
        answers["ghosts"] = _code_of(lambda: [_ghost(ghost) for ghost in thing.ghosts])
    return answers


def _ghost(ghost: Any) -> None:
    for name in ("nickname_plain", "game_version", "sample_period_ms"):
        getattr(ghost, name)
    list((ghost.samples or ())[:1000])
    if ghost.recorded:
        assert len(ghost.recorded.events) == ghost.recorded.count


def _code_of(read: Any) -> str | None:
    try:
        read()
    except GbxError as error:
        return error.code
    return None
