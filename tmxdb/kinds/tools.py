"""What a job may use: handed to each kind once, read-only from then on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, literal_column
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.capture.session import Games
from tmxdb.db.engine import Database
from tmxdb.kinds.facts import Reader
from tmxdb.kinds.naming import NameTemplate
from tmxdb.storage import Storage
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import Fetcher


def track_uid(table: Table) -> NamedColumn[Any]:
    """The uid of the track's present map, claimed along with a row of `table`: no question of its own for it.

    As a literal: in a RETURNING clause for SQLite, SQLAlchemy drops the table names that it hangs on.
    """
    uid: ColumnElement[Any] = literal_column(f"(SELECT uid FROM tracks WHERE tracks.track_id = {table.name}.track_id)")
    return uid.label("track_uid")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked of this run."""

    top: int = 50
    all_replays: bool = False
    maps_from_site: bool = False
    store_inputs: bool = True
    reader: Reader = field(default_factory=Reader)
    name_template: NameTemplate = field(default_factory=NameTemplate)


@dataclass(frozen=True, slots=True)
class Tools:
    """The outside world as a job sees it. The database is for reading only."""

    database: Database
    storage: Storage
    exchange: Exchange
    fetcher: Fetcher
    worker_id: str
    options: Options
    games: Games | None = None
    """Only for captures."""
    thinking: threading.Lock = field(default_factory=threading.Lock)
    """Held while a file is read whole and understood. Python computes with one thread anyway; 64 that try it at once
    spend twice the processor on taking turns, and hostile files could fill the memory together."""
