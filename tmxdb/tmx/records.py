"""What the exchange answers, checked: JSON stops here and becomes dataclasses.

An odd value never costs the row: it is left out (None) and named in `oddities`. Only a row without a usable
id can not be kept. Field meanings: tmx-api fact sheet, sections 3 and 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tmxdb.clock import site_time

LONGEST_TEXT = 20_000
_INT32 = 2**31
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A track as listed. `columns` are named as in the table `tracks`."""

    track_id: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay as listed. `columns` are named as in the table `replays`."""

    replay_id: int
    columns: Mapping[str, Any]

    @property
    def is_ranked(self) -> bool:
        """A valid entry of the leaderboard: it has a position and is not known to be invalid."""
        return self.columns["position"] is not None and self.columns["validated"] is not False


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows of a list, whether the site has more of them, and what had to be left out."""

    records: tuple[Record, ...]
    more: bool
    unusable: tuple[str, ...] = field(default=())


def track_record(raw: Mapping[str, Any]) -> TrackRecord | None:
    """One entry of /api/tracks; None if it has no usable TrackId."""
    track_id = _id(raw.get("TrackId"))
    if track_id is None:
        return None
    read = _Reader(raw)
    columns = {
        "name": read.text("TrackName"),
        "uid": read.text("UId"),
        "author_time_ms": read.integer("AuthorTime"),
        "gold_ms": read.integer("GoldTarget"),
        "silver_ms": read.integer("SilverTarget"),
        "bronze_ms": read.integer("BronzeTarget"),
        "author_score": read.integer("AuthorScore"),
        "uploader_id": read.integer("Uploader.UserId"),
        "uploader_name": read.text("Uploader.Name"),
        "authors": read.authors(),
        "uploaded_at": read.time("UploadedAt"),
        "updated_at": read.time("UpdatedAt"),
        "activity_at": read.time("ActivityAt"),
        "primary_type": read.integer("PrimaryType"),
        "style": read.integer("Style"),
        "tags": read.numbers("Tags"),
        "routes": read.integer("Routes"),
        "difficulty": read.integer("Difficulty"),
        "mood": read.integer("Mood"),
        "environment": read.integer("Environment"),
        "car": read.integer("Car"),
        "awards": read.integer("Awards"),
        "comments": read.integer("Comments"),
        "track_value": read.integer("TrackValue"),
        "replay_type": read.integer("ReplayType"),
        "has_thumbnail": read.truth("HasThumbnail"),
        "image_count": read.length("Images"),
        "is_public": read.truth("IsPublic"),
        "author_beaten": read.truth("AuthorBeaten"),
        "unlimiter_version": read.integer("UnlimiterVersion"),
        "author_comments": read.text("AuthorComments"),
        "wr_replay_id": read.integer("WRReplay.ReplayId", below=2**63),
        "wr_time_ms": read.integer("WRReplay.ReplayTime"),
        "wr_score": read.integer("WRReplay.ReplayScore"),
        "wr_user_id": read.integer("WRReplay.User.UserId"),
        "wr_user_name": read.text("WRReplay.User.Name"),
    }
    return TrackRecord(track_id, columns | {"oddities": read.oddities()})


def replay_record(raw: Mapping[str, Any]) -> ReplayRecord | None:
    """One entry of /api/replays; None if it has no usable ReplayId."""
    replay_id = _id(raw.get("ReplayId"))
    if replay_id is None:
        return None
    read = _Reader(raw)
    columns = {
        "user_id": read.integer("User.UserId"),
        "user_name": read.text("User.Name"),
        "site_time_ms": read.integer("ReplayTime", least=0),
        "site_score": read.integer("ReplayScore"),
        "site_respawns": read.integer("ReplayRespawns"),
        "replay_at": read.time("ReplayAt"),
        "track_at": read.time("TrackAt"),
        "position": read.integer("Position", least=0),  # 0-based; null is not ranked
        "is_best": read.truth("IsBest"),
        "is_leaderboard": read.truth("IsLeaderboard"),
        "leaderboard_points": read.integer("Score"),  # points, not a time
        "validated": read.truth("Validated"),
    }
    return ReplayRecord(replay_id, columns | {"oddities": read.oddities()})


def _id(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None


def _plain(value: Any) -> str | int | None:
    """A role: no source says whether it is a text or a number, so either is kept."""
    if isinstance(value, str):
        return _storable(value)[:100]
    return value if type(value) is int and abs(value) < 2**63 else None


def _storable(text: str) -> str:
    """Without NUL, which ends a text in PostgreSQL, and lone surrogates, which are no UTF-8."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def shown(value: Any, at_most: int = 200) -> str:
    """`value` for a person, whatever it is: lists may be nested deeper than can be told."""
    try:
        return repr(value)[:at_most]
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} that can not be shown"


class _Reader:
    """Takes values out of one JSON object and remembers what was odd about them."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._odd: list[str] = []

    def oddities(self) -> str | None:
        return json.dumps(self._odd, ensure_ascii=False) if self._odd else None

    def integer(self, name: str, *, least: int = -_INT32, below: int = _INT32) -> int | None:
        value = self._get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or (type(value) is int and least <= value < below):
            return value
        self._strange(name, value)
        return None

    def text(self, name: str) -> str | None:
        value = self._get(name)
        if isinstance(value, str):
            if value.isascii() and value.isprintable() and len(value) <= LONGEST_TEXT:
                return value  # as nearly all are
            clean = _storable(value)[:LONGEST_TEXT]
            if clean != value:
                self._strange(name, value)
            return clean
        if value is not None:
            self._strange(name, value)
        return None

    def truth(self, name: str) -> bool | None:
        value = self._get(name)
        if value is None or value in (0, 1):  # the site answers 0/1 for some, true/false for others
            return None if value is None else bool(value)
        self._strange(name, value)
        return None

    def time(self, name: str) -> str | None:
        value = self._get(name)
        try:
            return None if value is None else site_time(value)
        except (TypeError, ValueError, OverflowError):
            self._strange(name, value)
            return None

    def length(self, name: str) -> int | None:
        value = self._get(name)
        if isinstance(value, list):
            return len(value)
        if value is not None:
            self._strange(name, value)
        return None

    def numbers(self, name: str) -> str | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, list) and len(value) <= 1000 and all(type(n) is int and abs(n) < 2**63 for n in value):
            return json.dumps(value)
        self._strange(name, value)
        return None

    def authors(self) -> str | None:
        value = self._get("Authors")
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(author, dict) for author in value):
            self._strange("Authors", value)
            return None
        authors = []
        for author in value[:100]:
            one = _Reader(author)
            authors.append(
                {
                    "user_id": one.integer("User.UserId"),
                    "name": one.text("User.Name"),
                    "role": _plain(author.get("Role")),
                }
            )
            self._odd.extend(f"Authors[].{odd}" for odd in one._odd)
        return json.dumps(authors, ensure_ascii=False)

    def _get(self, name: str) -> Any:
        if "." not in name:
            return self._raw.get(name)
        value: Any = self._raw
        for part in name.split("."):
            if value is None:
                return None
            if not isinstance(value, Mapping):
                self._strange(name, value)
                return None
            value = value.get(part)
        return value

    def _strange(self, name: str, value: Any) -> None:
        self._odd.append(f"{name}: {shown(value, 100)}")
