"""The schema as typed models. It is public: names are chosen to be typed by hand into a query."""

from tmxdb.db.models.base import FINISHED, STATUSES, Base, table_of
from tmxdb.db.models.captures import Capture
from tmxdb.db.models.house import Attempt, Pause, Politeness, Setting, Sync, Tally, Worker
from tmxdb.db.models.maps import Map
from tmxdb.db.models.replays import Replay, ReplayInputs
from tmxdb.db.models.tracks import Track

JOBS = {
    "list": table_of(Track),
    "download": table_of(Replay),
    "extract": table_of(Map),
    "capture": table_of(Capture),
}
"""The tables of jobs by the name of their work."""

__all__ = [
    "FINISHED",
    "JOBS",
    "STATUSES",
    "Attempt",
    "Base",
    "Capture",
    "Map",
    "Pause",
    "Politeness",
    "Replay",
    "ReplayInputs",
    "Setting",
    "Sync",
    "Tally",
    "Track",
    "Worker",
    "table_of",
]
