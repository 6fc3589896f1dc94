"""Entries of the exchange's lists, checked: JSON becomes dataclasses here.

An unexpected value never costs the row: it becomes None and is named in `oddities`. Only a row without a usable id is
dropped. Meaning of the fields: docs/facts/tmx-api.md#tracks and docs/facts/tmx-api.md#replays.
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
    """A track as listed. `columns` have the names of the table `tracks`."""

    track_id: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay as listed. `columns` have the names of the table `replays`."""

    replay_id: int
    columns: Mapping[str, Any]

    @property
    def is_ranked(self) -> bool:
        """Whether it is a valid entry of the leaderboard: it has a position and is not known to be invalid."""
        return self.columns["position"] is not None and self.columns["validated"] is not False


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows of a list, whether the site has more, and the entries that had to be dropped."""

    records: tuple[Record, ...]
    more: bool
    unusable: tuple[str, ...] = field(default=())


def track_record(raw: Mapping[str, Any]) -> TrackRecord | None:
    """Return an entry of /api/tracks, or None if it has no usable TrackId."""
    track_id = _id(raw.get("TrackId"))
    if track_id is None:
        return None
    read = _FieldReader(raw)
    uploader, best = read.part("Uploader"), read.part("WRReplay")
    driver = best.part("User")
    columns: dict[str, Any] = {
        "name": read.text("TrackName"),
        "uid": read.text("UId"),
        "author_time_ms": read.integer("AuthorTime"),
        "gold_ms": read.integer("GoldTarget"),
        "silver_ms": read.integer("SilverTarget"),
        "bronze_ms": read.integer("BronzeTarget"),
        "author_score": read.integer("AuthorScore"),
        "uploader_id": uploader.integer("UserId"),
        "uploader_name": uploader.text("Name"),
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
        "has_thumbnail": read.boolean("HasThumbnail"),
        "image_count": read.length("Images"),
        "is_public": read.boolean("IsPublic"),
        "author_beaten": read.boolean("AuthorBeaten"),
        "unlimiter_version": read.integer("UnlimiterVersion"),
        "author_comments": read.text("AuthorComments"),
        "wr_replay_id": best.integer("ReplayId", below=2**63),
        "wr_time_ms": best.integer("ReplayTime"),
        "wr_score": best.integer("ReplayScore"),
        "wr_user_id": driver.integer("UserId"),
        "wr_user_name": driver.text("Name"),
    }
    columns["oddities"] = read.oddities()
    return TrackRecord(track_id, columns)


def replay_record(raw: Mapping[str, Any]) -> ReplayRecord | None:
    """Return an entry of /api/replays, or None if it has no usable ReplayId."""
    replay_id = _id(raw.get("ReplayId"))
    if replay_id is None:
        return None
    read = _FieldReader(raw)
    user = read.part("User")
    columns: dict[str, Any] = {
        "user_id": user.integer("UserId"),
        "user_name": user.text("Name"),
        "site_time_ms": read.integer("ReplayTime", minimum=0),
        "site_score": read.integer("ReplayScore"),
        "site_respawns": read.integer("ReplayRespawns"),
        "replay_at": read.time("ReplayAt"),
        "track_at": read.time("TrackAt"),
        "position": read.integer("Position", minimum=0),  # 0-based; null: not ranked
        "is_best": read.boolean("IsBest"),
        "is_leaderboard": read.boolean("IsLeaderboard"),
        "leaderboard_points": read.integer("Score"),  # points, not a time
        "validated": read.boolean("Validated"),
    }
    columns["oddities"] = read.oddities()
    return ReplayRecord(replay_id, columns)


def _id(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None


def _plain(value: Any) -> str | int | None:
    """Return a role. No source says whether it is text or a number, so both are kept."""
    if isinstance(value, str):
        return _storable(value)[:100]
    return value if type(value) is int and abs(value) < 2**63 else None


def _storable(text: str) -> str:
    """Remove NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot encode."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def shown(value: Any, at_most: int = 200) -> str:
    """Return any value for people to read, even lists nested too deeply for repr."""
    try:
        return repr(value)[:at_most]
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} that cannot be shown"


class _FieldReader:
    """Reads values from one JSON object and notes the unexpected ones.

    It is called forty times for every entry of a list, so each function looks at the usual value first.
    """

    __slots__ = ("_get", "_prefix", "_unexpected")

    def __init__(self, raw: Mapping[str, Any], prefix: str = "", unexpected: list[str] | None = None) -> None:
        self._get, self._prefix = raw.get, prefix
        self._unexpected = [] if unexpected is None else unexpected

    def part(self, name: str) -> _FieldReader:
        """Return a reader of an object in this one; of an empty one if there is none."""
        value = self._get(name)
        if not isinstance(value, dict):
            if value is not None:
                self._note(name, value)
            value = _NOTHING
        return _FieldReader(value, f"{self._prefix}{name}.", self._unexpected)

    def oddities(self) -> str | None:
        return _to_json(self._unexpected) if self._unexpected else None

    def integer(self, name: str, *, minimum: int = -_INT32, below: int = _INT32) -> int | None:
        value = self._get(name)
        if type(value) is float and value.is_integer():
            value = int(value)
        if value is None or (type(value) is int and minimum <= value < below):
            return value
        self._note(name, value)
        return None

    def text(self, name: str) -> str | None:
        value = self._get(name)
        if isinstance(value, str):
            if value.isascii() and value.isprintable() and len(value) <= LONGEST_TEXT:
                return value  # nearly all texts
            clean = _storable(value)[:LONGEST_TEXT]
            if clean != value:
                self._note(name, value)
            return clean
        if value is not None:
            self._note(name, value)
        return None

    def boolean(self, name: str) -> bool | None:
        value = self._get(name)
        if value is None or value in (0, 1):  # the site answers 0/1 for some, true/false for others
            return None if value is None else bool(value)
        self._note(name, value)
        return None

    def time(self, name: str) -> str | None:
        value = self._get(name)
        try:
            return None if value is None else site_time(value)
        except (TypeError, ValueError, OverflowError):
            self._note(name, value)
            return None

    def length(self, name: str) -> int | None:
        value = self._get(name)
        if isinstance(value, list):
            return len(value)
        if value is not None:
            self._note(name, value)
        return None

    def numbers(self, name: str) -> str | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, list) and len(value) <= 1000 and all(type(n) is int and abs(n) < 2**63 for n in value):
            return str(value)  # the same text as JSON
        self._note(name, value)
        return None

    def authors(self) -> str | None:
        value = self._get("Authors")
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(author, dict) for author in value):
            self._note("Authors", value)
            return None
        authors = []
        for author in value[:100]:
            user = _FieldReader(author, "Authors[].", self._unexpected).part("User")
            role = _plain(author.get("Role"))
            authors.append({"user_id": user.integer("UserId"), "name": user.text("Name"), "role": role})
        return _to_json(authors)

    def _note(self, name: str, value: Any) -> None:
        self._unexpected.append(f"{self._prefix}{name}: {shown(value, 100)}")


_NOTHING: Mapping[str, Any] = {}
_to_json = json.JSONEncoder(ensure_ascii=False).encode  # made once, unlike by json.dumps
