"""What a job may use. Each kind gets it once, and nothing in it changes afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, literal_column
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.errors import DatabaseError
from tmxdb.events import EventBus
from tmxdb.failure_policy import Action, policy_for
from tmxdb.kinds.facts import GbxReader
from tmxdb.kinds.file_publisher import Claim, FilePublisher
from tmxdb.kinds.naming import NameTemplate
from tmxdb.queue.rows.claim import held_claims
from tmxdb.storage import Storage
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher

if TYPE_CHECKING:
    from tmxdb.capture.games.pool import GamePool
    from tmxdb.capture.stuck_maps import StuckMaps

MAX_CHECK_S, CHECK_RETRY_S = 120.0, 0.5
"""How long a finished file waits for an unavailable database, and how often the claim is checked meanwhile."""


def track_uid(table: Table) -> NamedColumn[Any]:
    """Return a column with the uid of the track's current map, which a claim returns together with a row of `table`.

    It is a literal, because SQLAlchemy drops the table names from a subquery in RETURNING for SQLite.
    """
    uid: ColumnElement[Any] = literal_column(f"(SELECT uid FROM tracks WHERE tracks.track_id = {table.name}.track_id)")
    return uid.label("track_uid")


def selection_top() -> NamedColumn[Any]:
    """Return a column with the largest `top` of the selections that a track is in, for the claim of a listing."""
    top: ColumnElement[Any] = literal_column(
        "(SELECT max(selections.top) FROM selection_tracks JOIN selections"
        " ON selections.name = selection_tracks.selection WHERE selection_tracks.track_id = tracks.track_id)"
    )
    return top.label("selection_top")


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What a job is to do, for all jobs of a run."""

    top: int = 50
    top_chosen: bool = False
    """Whether `top` holds for all tracks. Otherwise it holds for those that are in no selection with a `top`."""
    all_replays: bool = False
    selection: Scope | None = None
    """Do only rows of the tracks in this selection, or rows that were named."""
    maps_from_site: bool = False
    store_inputs: bool = True
    reader: GbxReader = field(default_factory=GbxReader)
    name_template: NameTemplate = field(default_factory=NameTemplate)
    strict_pictures: bool = False
    """Fail captures with black or frozen pictures."""
    stuck_maps: StuckMaps | None = None
    """Where captures list the maps that did not start."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """The database (for reading only), data folder, site and game that a job works with."""

    database: Database
    storage: Storage
    exchange: Exchange
    fetcher: Fetcher
    worker_id: str
    options: JobOptions
    games: GamePool | None = None
    """For captures only."""
    events: EventBus = field(default_factory=EventBus)
    parse_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a file is parsed. Threads that parse together would take twice the processor time, for taking turns,
    and hostile files could fill the memory together."""

    publisher: FilePublisher = field(init=False)
    """Shared by all threads, so that those that finish at the same time publish their files together."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "publisher", FilePublisher(self.storage, self.held_claims))

    def held_claims(self, claims: Sequence[Claim]) -> list[bool]:
        """Return for each row of a job whether it is still ours. Call it right before publishing the files.

        A worker that was suspended for longer than its lease must not overwrite the file of the one that took over.
        While the database is unavailable the files wait, so that they need not be fetched again. Raise DatabaseError if
        that takes longer than MAX_CHECK_S, or what stops the run.
        """
        deadline_s = time.monotonic() + MAX_CHECK_S
        while True:
            try:
                with self.database.read() as connection:
                    return held_claims(connection, claims)
            except DatabaseError as error:
                if policy_for(error).action is not Action.SNOOZE or time.monotonic() > deadline_s:
                    raise
            self.exchange.rate_limiter.check_stop()
            time.sleep(CHECK_RETRY_S)
