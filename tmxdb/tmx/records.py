"""Entries of the exchange's lists, checked: JSON becomes dataclasses here.

An unexpected value never costs the row: it becomes None and is named in `oddities`. Only a row without a usable id is
dropped. Meaning of the fields: docs/facts/tmx-api.md#tracks and docs/facts/tmx-api.md#replays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from tmxdb.tmx.fields import ListedFields, Values

Record = TypeVar("Record")


TRACK = ListedFields(
    "TrackId",
    {
        "name": ("name", "TrackName"),
        "uid": ("name", "UId"),
        "author_time_ms": ("integer", "AuthorTime"),
        "gold_ms": ("integer", "GoldTarget"),
        "silver_ms": ("integer", "SilverTarget"),
        "bronze_ms": ("integer", "BronzeTarget"),
        "author_score": ("integer", "AuthorScore"),
        "uploader_id": ("integer", "Uploader.UserId"),
        "uploader_name": ("text", "Uploader.Name"),
        "authors": ("authors", "Authors"),
        "uploaded_at": ("time", "UploadedAt"),
        "updated_at": ("time", "UpdatedAt"),
        "activity_at": ("time", "ActivityAt"),
        "primary_type": ("integer", "PrimaryType"),
        "style": ("integer", "Style"),
        "tags": ("numbers", "Tags"),
        "routes": ("integer", "Routes"),
        "difficulty": ("integer", "Difficulty"),
        "mood": ("integer", "Mood"),
        "environment": ("integer", "Environment"),
        "car": ("integer", "Car"),
        "awards": ("integer", "Awards"),
        "comments": ("integer", "Comments"),
        "track_value": ("integer", "TrackValue"),
        "replay_type": ("integer", "ReplayType"),
        "has_thumbnail": ("boolean", "HasThumbnail"),
        "image_count": ("length", "Images"),
        "is_public": ("boolean", "IsPublic"),
        "author_beaten": ("boolean", "AuthorBeaten"),
        "unlimiter_version": ("integer", "UnlimiterVersion"),
        "author_comments": ("text", "AuthorComments"),
        "wr_replay_id": ("large", "WRReplay.ReplayId"),
        "wr_time_ms": ("integer", "WRReplay.ReplayTime"),
        "wr_score": ("integer", "WRReplay.ReplayScore"),
        "wr_user_id": ("integer", "WRReplay.User.UserId"),
        "wr_user_name": ("text", "WRReplay.User.Name"),
    },
)
REPLAY = ListedFields(
    "ReplayId",
    {
        "user_id": ("integer", "User.UserId"),
        "user_name": ("name", "User.Name"),
        "site_time_ms": ("natural", "ReplayTime"),
        "site_score": ("integer", "ReplayScore"),
        "site_respawns": ("integer", "ReplayRespawns"),
        "replay_at": ("time", "ReplayAt"),
        "track_at": ("time", "TrackAt"),
        "position": ("natural", "Position"),  # 0-based; null: not ranked
        "is_best": ("boolean", "IsBest"),
        "is_leaderboard": ("boolean", "IsLeaderboard"),
        "leaderboard_points": ("integer", "Score"),  # points, not a time
        "validated": ("boolean", "Validated"),
    },
)


class _Listed:
    """An entry whose `values` are in the order of `fields.columns`."""

    __slots__ = ()
    fields: ClassVar[ListedFields]
    values: Values

    @property
    def columns(self) -> dict[str, Any]:
        """The values by their columns in the table of these entries."""
        return dict(zip(self.fields.columns, self.values, strict=True))

    def __getitem__(self, column: str) -> Any:
        """Return one value."""
        return self.values[self.fields.position[column]]


@dataclass(frozen=True, slots=True)
class TrackRecord(_Listed):
    """A track as listed. `values` are in the order of `TRACK.columns`."""

    fields = TRACK
    track_id: int
    values: Values


@dataclass(frozen=True, slots=True)
class ReplayRecord(_Listed):
    """A replay as listed. `values` are in the order of `REPLAY.columns`."""

    fields = REPLAY
    replay_id: int
    values: Values

    @property
    def is_ranked(self) -> bool:
        """Whether it is a valid entry of the leaderboard: it has a position and is not known to be invalid."""
        return self["position"] is not None and self["validated"] is not False


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows of a list, whether the site has more, and the entries that had to be dropped."""

    records: tuple[Record, ...]
    more: bool
    unusable: tuple[str, ...] = field(default=())


def track_record(raw: Mapping[str, Any]) -> TrackRecord | None:
    """Return an entry of /api/tracks, or None if it has no usable TrackId."""
    track_id = _id(raw.get(TRACK.id))
    return None if track_id is None else TrackRecord(track_id, TRACK.checked(raw))


def replay_record(raw: Mapping[str, Any]) -> ReplayRecord | None:
    """Return an entry of /api/replays, or None if it has no usable ReplayId."""
    replay_id = _id(raw.get(REPLAY.id))
    return None if replay_id is None else ReplayRecord(replay_id, REPLAY.checked(raw))


def _id(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None
