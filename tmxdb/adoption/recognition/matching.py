"""Which replay of the site's list a file is: by its time, and by what its name and its driver say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tmxdb.adoption.recognition.reading import FoundFile

_OLDER_NAME = re.compile(r"pos\d+_(?P<user>.*)_[^_]*\.replay\.gbx", re.I | re.S)
_NUMBER = re.compile(r"(?<!\d)\d{1,18}(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Match:
    """A replay of the list. `columns`: its row as listed; of a row in the database, what file names use."""

    replay_id: int
    columns: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SameTime:
    """A replay of a list with the time of the file."""

    replay_id: int
    user_name: str | None
    columns: Mapping[str, Any] | None = None


def track_hint(found: FoundFile) -> int | None:
    """Return the track that the folders or the name of the file suggest: `2233/…` or `2233.Challenge.Gbx`."""
    name = found.candidate.path.replace("\\", "/").rpartition("/")[2]
    words = (*found.candidate.folders, name.partition(".")[0]) if found.noun == "map" else found.candidate.folders
    numbers = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19]
    return next((number for number in reversed(numbers) if number), None)


def match_replay(found: FoundFile, listed: Sequence[SameTime]) -> tuple[Match | None, str | None]:
    """Return the replay of `listed` that the file is, or None and the reason if there is more than one.

    All of `listed` have the time of the file, so a single one is it, as for a file that a worker finds in its place.
    """
    if len(listed) > 1:
        listed = _same_id(found, listed) or _same_driver(found, listed) or listed
    if len(listed) > 1:
        return None, f"{len(listed)} replays on the list have this time: {', '.join(str(r.replay_id) for r in listed)}"
    return (Match(listed[0].replay_id, listed[0].columns), None) if listed else (None, None)


def numbers_in_name(found: FoundFile) -> set[int]:
    """Return the numbers in the name of the file: one may be the id of its replay."""
    name = found.candidate.path.replace("\\", "/").rpartition("/")[2]
    return {int(number) for number in _NUMBER.findall(name)}


def _same_id(found: FoundFile, listed: Sequence[SameTime]) -> list[SameTime]:
    numbers = numbers_in_name(found)
    return [replay for replay in listed if replay.replay_id in numbers]


def _same_driver(found: FoundFile, listed: Sequence[SameTime]) -> list[SameTime]:
    columns = found.columns or {}
    older = _OLDER_NAME.fullmatch(found.candidate.path.replace("\\", "/").rpartition("/")[2])
    names = {_plain(name) for name in (older and older["user"], columns["login"], columns["nickname_plain"]) if name}
    return [replay for replay in listed if replay.user_name and _plain(replay.user_name) in names - {""}]


def _plain(name: str) -> str:
    """Return a name as it can be compared: file names and accounts write the same name differently."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())
