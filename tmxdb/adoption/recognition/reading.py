"""One file read: whether it is a replay, a map, damaged, or something else. Runs in another process."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import IO, Any

from tmxdb.adoption.files import Candidate
from tmxdb.errors import GbxError, InvalidResponse
from tmxdb.gbx import read_challenge
from tmxdb.gbx.format.limits import MAX_FILE_BYTES
from tmxdb.kinds.facts import (
    input_events,
    map_columns,
    parse_challenge,
    parse_replay,
    reader,
    replay_columns,
    track_numbers,
)
from tmxdb.storable_text import storable

REPLAY, MAP = "replay", "map"
CHANGED = "the file was changed or deleted while it was adopted: adopt it again"
_MAGIC = b"GBX"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """What a file is. `noun`: `replay`, `map`, or None if it is neither; then `problem` says what is damaged.

    Without a noun and a problem it is another file. `columns` are those of its row. `facts`: its bytes, and when it was
    changed, in ns. Those of `candidate` come from its folder, where Windows may have older ones.
    """

    candidate: Candidate
    sha256: str | None = None
    noun: str | None = None
    problem: str | None = None
    columns: dict[str, Any] | None = None
    events: bytes | None = None
    facts: tuple[int, int] | None = None

    @property
    def uid(self) -> str | None:
        """The uid of the map that was driven, or of the map."""
        columns = self.columns or {}
        uid: str | None = columns.get("map_uid" if self.noun == REPLAY else "uid")
        return uid

    @property
    def time_ms(self) -> int | None:
        """The race time of a replay; None if the run did not finish."""
        return None if self.columns is None else self.columns.get("race_time_ms")


def read_file(candidate: Candidate) -> FoundFile:
    """Return what the file is and its facts."""
    is_named_gbx = candidate.path.casefold().endswith(".gbx")
    try:
        with open(candidate.path, "rb") as file:
            before = _facts(file)
            start = file.read(len(_MAGIC))
            if start != _MAGIC and not is_named_gbx:
                return FoundFile(candidate)
            data = start + file.read(MAX_FILE_BYTES + 1)
            facts = _facts(file)
    except OSError as error:
        return FoundFile(candidate, problem=error.strerror or str(error))
    if facts != before:
        return FoundFile(candidate, problem=CHANGED)
    digest = hashlib.sha256(data).hexdigest()
    try:
        return replace(_read(candidate, data, digest), facts=facts)
    except InvalidResponse as error:
        if error.code == "gbx.wrong_class":
            return FoundFile(candidate, digest)
        return FoundFile(candidate, digest, problem=str(error).removeprefix(": "))


def _facts(file: IO[bytes]) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _read(candidate: Candidate, data: bytes, digest: str) -> FoundFile:
    own = reader("own")
    try:
        replay = parse_replay(data, "", own)
    except InvalidResponse as error:
        if error.code != "gbx.wrong_class":
            raise
        columns = map_columns(parse_challenge(data, "", own), None)
        return FoundFile(candidate, digest, MAP, columns=columns)
    return FoundFile(candidate, digest, REPLAY, columns=replay_columns(replay, None), events=input_events(replay))


def local_track_columns(found: FoundFile) -> dict[str, Any]:
    """Return the columns of a local track, from the map that a file is or contains.

    Of a map that cannot be read, only what the replay says of it is known.
    """
    columns = found.columns or {}
    if found.noun == REPLAY:
        try:
            with open(found.candidate.path, "rb") as file:
                replay = reader("own").replay(file.read(MAX_FILE_BYTES + 1))
            columns = map_columns(read_challenge(replay.map_bytes), None)
        except (GbxError, OSError):
            return {"name": None, "uid": found.uid, **track_numbers(columns.get("map_environment"), None)}
    return {
        "name": None if columns["name_plain"] is None else storable(columns["name_plain"]),
        "uid": columns["uid"],
        "author_time_ms": columns["author_ms"],
        "gold_ms": columns["gold_ms"],
        "silver_ms": columns["silver_ms"],
        "bronze_ms": columns["bronze_ms"],
        "author_score": columns["author_score"],
        **track_numbers(columns["environment"], columns["mood"]),
    }
