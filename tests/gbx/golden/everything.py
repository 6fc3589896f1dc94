"""Read every property of a file: each gives a value or a GbxError, never another exception."""

from __future__ import annotations

from typing import Any

from tmxdb.gbx import Challenge, GbxError, Replay, read_challenge, read_replay

_REPLAY_PROPERTIES = [name for name, value in vars(Replay).items() if isinstance(value, property)]
_CHALLENGE_PROPERTIES = [name for name, value in vars(Challenge).items() if isinstance(value, property)]


def read_everything(data: bytes) -> dict[str, Any]:
    """Return every property of `data`, read as a replay and as a map; for an error its code."""
    values: dict[str, Any] = {}
    for kind, read in (("replay", read_replay), ("challenge", read_challenge)):
        try:
            source = read(data)
        except GbxError as error:
            values[kind] = error.code
        else:
            values.update(_properties(kind, source))
    return values


def _properties(kind: str, source: Replay | Challenge) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in _REPLAY_PROPERTIES if isinstance(source, Replay) else _CHALLENGE_PROPERTIES:
        try:
            value = getattr(source, name)
        except GbxError as error:
            value = error.code
        if isinstance(value, Challenge):
            values.update(_properties("map", value))
        else:
            values[f"{kind}.{name}"] = value
    if isinstance(source, Challenge):
        values[f"{kind}.blocks"] = _code_of(lambda: source.blocks)
    else:
        values["complete"] = _code_of(source.check_whole)
        values["ghosts"] = _code_of(lambda: [_ghost(ghost) for ghost in source.ghosts])
    return values


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
