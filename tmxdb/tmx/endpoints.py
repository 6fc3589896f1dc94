"""What can be asked of the exchange: paths, fields, orders and filters, as the fact sheet names them.

Source of all names: tmx-api fact sheet, sections 2 to 5 (maniaapi-net `TrackItem.cs`, `ReplayItem.cs`,
`TrackOrder.cs`; tmx4ml `query_parser.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

TRACKS, REPLAYS = "/api/tracks", "/api/replays"
PAGE = 1000
"""Rows a page. Every known client asks for 1000; whether the site serves more is unknown."""
IDS_AT_ONCE = 100
"""Tracks in one `id=` list; the sister API allows 100."""

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

# order1: ascending and descending of each (maniaapi-net, tmx4ml and TM-track-exporter agree).
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
# The sheet gives 1 Snow and 7 Stadium; the order of those between is assumed to be that of the games' menus.
# These are field values from 1; the *filter* counts from 0 instead, as two clients have it (6 = Stadium).
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
    """The `order1` of an order by name: `awards` is most first; `awards-asc` fewest first. Raises KeyError."""
    if name.endswith("-asc"):
        return ORDERS[name.removesuffix("-asc")][0]
    return ORDERS[name][1]


def url(base_url: str, path: str, parameters: Mapping[str, str | int]) -> str:
    """What is asked, whole, for a person to read."""
    return f"{base_url}{path}?{urlencode(parameters, safe=',')}"


def replay_path(replay_id: int) -> str:
    """Where the file of a replay is. There is one URL for it: the older script's other guesses answer 404."""
    return f"/recordgbx/{replay_id}"


def track_path(track_id: int) -> str:
    """Where the map file of a track is."""
    return f"/trackgbx/{track_id}"
