"""The schema as typed models. It is public: names are chosen to be typed by hand into a query."""

from tmxdb.db.models.adopted import AdoptedFileRow
from tmxdb.db.models.base import FINISHED, STATUSES, Base, table_of
from tmxdb.db.models.captures import CaptureRow
from tmxdb.db.models.history import PastPositionRow, PastProgressRow
from tmxdb.db.models.internal import AttemptRow, PauseRow, RateLimitRow, SettingRow, SyncRow, TallyRow, WorkerRow
from tmxdb.db.models.maps import MapRow
from tmxdb.db.models.replays import ReplayInputsRow, ReplayRow
from tmxdb.db.models.selections import SelectionRow, SelectionTrackRow
from tmxdb.db.models.tracks import TrackRow

JOBS = {
    "list": table_of(TrackRow),
    "download": table_of(ReplayRow),
    "extract": table_of(MapRow),
    "capture": table_of(CaptureRow),
}
"""The tables of jobs by the name of their work."""

__all__ = [
    "FINISHED",
    "JOBS",
    "STATUSES",
    "AdoptedFileRow",
    "AttemptRow",
    "Base",
    "CaptureRow",
    "MapRow",
    "PastPositionRow",
    "PastProgressRow",
    "PauseRow",
    "RateLimitRow",
    "ReplayInputsRow",
    "ReplayRow",
    "SelectionRow",
    "SelectionTrackRow",
    "SettingRow",
    "SyncRow",
    "TallyRow",
    "TrackRow",
    "WorkerRow",
    "table_of",
]
