"""The fields of `/api/tracks` and `/api/replays` (source: ManiaAPI.TMX `TrackItem.cs` and `ReplayItem.cs`)."""

from __future__ import annotations

from operator import attrgetter as of
from operator import itemgetter
from typing import Any

from tmxdb_sandbox.api.fields import Field, FieldTable, NestedField
from tmxdb_sandbox.api.orders import RecordOf
from tmxdb_sandbox.catalogue.dates import date_text
from tmxdb_sandbox.catalogue.track import SimulatedTrack

_USER: dict[str, Field] = {"UserId": of("user_id"), "Name": of("name")}


def _images(track: SimulatedTrack) -> list[dict[str, Any]]:
    return [{"Width": 1280, "Height": 720, "HasHighQuality": n == 0} for n in range(track.images)]


_TRACK: dict[str, Field] = {
    "TrackId": of("track_id"),
    "TrackName": of("name"),
    "UId": of("uid"),
    "AuthorTime": of("author_ms"),
    "AuthorScore": of("author_score"),
    "GoldTarget": lambda track: track.medals_ms[0],
    "SilverTarget": lambda track: track.medals_ms[1],
    "BronzeTarget": lambda track: track.medals_ms[2],
    "Uploader": NestedField(of("uploader"), _USER),
    "Authors": NestedField(
        of("authors"),
        {"User": NestedField(lambda author: author[0], _USER), "Role": lambda author: author[1]},
        many=True,
    ),
    "UploadedAt": lambda track: date_text(track.uploaded_ms),
    "UpdatedAt": lambda track: date_text(track.updated_ms),
    "ActivityAt": lambda track: date_text(track.activity_ms),
    "PrimaryType": of("primary_type"),
    "Style": of("style"),
    "Tags": of("tags"),
    "Routes": of("routes"),
    "Difficulty": of("difficulty"),
    "Mood": of("mood"),
    "Environment": of("environment"),
    "Car": of("car"),
    "Awards": of("awards"),
    "Comments": of("comments"),
    "Downloads": of("downloads"),
    "TrackValue": of("track_value"),
    "ReplayType": of("replay_type"),
    "HasThumbnail": lambda track: track.images > 0,
    "IsPublic": lambda track: True,
    "UnlimiterVersion": of("unlimiter_version"),
    "AuthorComments": of("author_comments"),
    "Images": NestedField(
        _images,
        {name: itemgetter(name) for name in ("Width", "Height", "HasHighQuality")},
        many=True,
    ),
}

_REPLAY: dict[str, Field] = {
    "ReplayId": of("replay_id"),
    "User": NestedField(of("driver"), _USER),
    "ReplayTime": of("race_time_ms"),
    "ReplayScore": of("stunt_score"),
    "ReplayRespawns": of("respawns"),
    "ReplayAt": lambda replay: date_text(replay.replay_ms),
    "TrackAt": lambda replay: date_text(replay.track_ms),
    "Position": of("position"),
    "IsBest": lambda replay: int(replay.is_best),
    "IsLeaderboard": lambda replay: int(replay.position is not None),
    "Score": of("points"),
    "Validated": of("validated"),
    "Track": NestedField(
        of("track"),
        {"TrackId": of("track_id"), "TrackName": of("name"), "UId": of("uid"), "Type": of("replay_type")},
    ),
}

REPLAY_FIELDS = FieldTable(_REPLAY)

# /api/meta/tags of TMNF-X, 2026-08
TAGS = [
    "Race", "Stunt", "Maze", "Offroad", "Multilap", "FullSpeed", "LOL", "Tech", "SpeedTech", "RPG",
    "PressForward", "Trial", "Grass", "Story", "Nascar", "Speedfun", "Endurance", "Altered Nadeo", "Transitional",
]  # fmt: skip


def track_fields(record_of: RecordOf) -> FieldTable:
    """Return the fields of a track. `record_of` returns the replay at position 0 of a track, or None."""

    def is_author_beaten(track: SimulatedTrack) -> bool:
        record = record_of(track)
        return record is not None and record.race_time_ms < track.author_ms

    record_fields: dict[str, Field] = {
        "ReplayId": of("replay_id"),
        "ReplayTime": of("race_time_ms"),
        "ReplayScore": of("stunt_score"),
        "User": NestedField(of("driver"), _USER),
    }
    return FieldTable({**_TRACK, "AuthorBeaten": is_author_beaten, "WRReplay": NestedField(record_of, record_fields)})
