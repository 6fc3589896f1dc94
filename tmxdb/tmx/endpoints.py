"""The exchange's endpoints: paths, fields, orders and filter values.

Sources of all names: docs/facts/tmx-api.md#tracks and docs/facts/tmx-api.md#replays.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

TRACKS, REPLAYS = "/api/tracks", "/api/replays"
PAGE = 1000
"""Rows per page. Every known client requests 1,000; whether the site serves more is unknown
(docs/facts/tmx-api.md#count)."""
MAX_PAGE = 10_000
"""Most rows per page that a user may ask for: the larger page of the older scripts."""
IDS_AT_ONCE = 100
"""Most tracks in one `id=` list; the limit of the sister API."""

TRACK_FIELDS = (
    "TrackId,TrackName,UId,AuthorTime,GoldTarget,SilverTarget,BronzeTarget,AuthorScore,Uploader.UserId,Uploader.Name,"
    "Authors[].User.UserId,Authors[].User.Name,Authors[].Role,UploadedAt,UpdatedAt,ActivityAt,PrimaryType,Style,Tags,"
    "Routes,Difficulty,Mood,Environment,Car,Awards,Comments,TrackValue,ReplayType,HasThumbnail,IsPublic,AuthorBeaten,"
    "UnlimiterVersion,AuthorComments,WRReplay.ReplayId,WRReplay.ReplayTime,WRReplay.ReplayScore,WRReplay.User.UserId,"
    "WRReplay.User.Name,Images[].Width"
)
REPLAY_FIELDS = (
    "ReplayId,User.UserId,User.Name,ReplayTime,ReplayScore,ReplayRespawns,ReplayAt,TrackAt,Position,IsBest,"
    "IsLeaderboard,Score,Validated"
)

# order1 for ascending and descending: docs/facts/tmx-api.md#order1.
ORDERS = {
    "uploaded": (1, 2),
    "updated": (3, 4),
    "awards": (5, 6),
    "comments": (7, 8),
    "activity": (9, 10),
    "name": (11, 12),
    "author": (13, 14),
    "difficulty": (15, 16),
    "downloads": (17, 18),
    "value": (19, 20),
    "awards-week": (21, 22),
    "awards-month": (23, 24),
    "length": (39, 40),
    "wr-time": (41, 42),
}

DIFFICULTIES = ("beginner", "intermediate", "expert", "lunatic")
MOODS = ("sunrise", "day", "sunset", "night")
# 1 Snow and 7 Stadium are known; the order of those between is assumed to be that of the games' menus. These are values
# of the field, from 1. The *filter* counts from 0 in two clients (6 = Stadium): docs/facts/tmx-api.md#tracks.
ENVIRONMENTS = ("snow", "desert", "rally", "island", "coast", "bay", "stadium")
PRIMARY_TYPES = ("race", "puzzle", "platform", "stunts", "shortcut", "laps")
TAGS = [
    "race",
    "stunt",
    "maze",
    "offroad",
    "multilap",
    "fullspeed",
    "lol",
    "tech",
    "speedtech",
    "rpg",
    "pressforward",
    "trial",
    "grass",
    "story",
    "nascar",
    "speedfun",
    "endurance",
    "altered-nadeo",
    "transitional",
]


def order_number(name: str) -> int:
    """Return `order1` for an order by name: `awards` is most first, `awards-asc` fewest first. Raise KeyError."""
    if name.endswith("-asc"):
        return ORDERS[name.removesuffix("-asc")][0]
    return ORDERS[name][1]


def url(base_url: str, path: str, parameters: Mapping[str, str | int]) -> str:
    """Return the complete URL of a request, for people to read."""
    return f"{base_url}{path}?{urlencode(parameters, safe=',')}"


def replay_path(replay_id: int) -> str:
    """Return the path of a replay file. It has no other URL (docs/facts/tmx-api.md#files)."""
    return f"/recordgbx/{_site_id(replay_id)}"


def track_path(track_id: int) -> str:
    """Return the path of the map file of a track."""
    return f"/trackgbx/{_site_id(track_id)}"


def replays_query(track_id: int, parameters: Mapping[str, str | int]) -> dict[str, str | int]:
    """Return the parameters of a request for replays of a track."""
    return {"fields": REPLAY_FIELDS, "trackId": _site_id(track_id), **parameters}


def _site_id(item_id: int) -> int:
    """Return `item_id`. Raise ValueError for a local one: no exchange knows it, so no request may name it."""
    if item_id <= 0:
        raise ValueError(f"{item_id} is a local id, which no exchange knows")
    return item_id
