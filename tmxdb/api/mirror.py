"""A database opened for reading from Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table

from tmxdb.api.arguments import is_storable, values_for, whole_number, whole_numbers
from tmxdb.api.captures import MirroredCapture
from tmxdb.api.paging import Facts, pages
from tmxdb.api.rows import MirroredReplay, MirroredTrack
from tmxdb.db.database import Database, shown
from tmxdb.db.migrate import ensure_current
from tmxdb.db.models import CaptureRow, ReplayRow, TrackRow, table_of
from tmxdb.db.reading.reader import Reader
from tmxdb.db.selected import MAX_IDS_PER_STATEMENT
from tmxdb.db.settings import setting
from tmxdb.errors import InvalidInput
from tmxdb.reports.query import distinct_names, run_query

_TRACKS, _REPLAYS, _CAPTURES = table_of(TrackRow), table_of(ReplayRow), table_of(CaptureRow)


class Mirror:
    """A database and its data folder, read-only. Workers may run meanwhile.

    A mirror can be used from several threads, pickled, and used in processes that were forked: each process opens the
    database for itself.
    """

    def __init__(self, location: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None) -> None:
        """`location`: a SQLite file or a PostgreSQL URL. `data`: the data folder, by default the one that the database
        remembers, or `data` beside it.

        Raise DatabaseError if the database does not exist or is not of the current revision, and InvalidInput if `data`
        is not a folder.
        """
        if data is not None and not Path(data).is_dir():
            raise InvalidInput(
                f"{os.fspath(data)} is not a folder. Choose another with data=….", code="input.not_a_folder"
            )
        self.location = os.fspath(location)
        self._process: int | None = None
        self._database: Database | None = None
        self.data = Path(data) if data is not None else self._remembered_data()

    @property
    def database(self) -> Database:
        """The open database of this process."""
        if self._database is None or self._process != os.getpid():  # a connection must not be used after a fork
            database = Database(self.location, read_only=True)
            try:
                ensure_current(database)
            except BaseException:
                database.close()  # Windows deletes no file that is open
                raise
            self._database, self._process = database, os.getpid()
        return self._database

    def tracks(
        self, where: str | None = None, *, track_ids: Iterable[int] | None = None, **values: Any
    ) -> Iterator[MirroredTrack]:
        """Yield tracks in the order of their ids.

        `where`: a condition in SQL on `tracks`, such as `"awards > :n"`; its values are further arguments (`n=10`).
        `track_ids`: only these tracks; with an empty list none. Raise InvalidInput if the condition cannot be run, or
        if it and the further arguments have other names, and TypeError for an id that is no whole number.
        """
        for facts in self._rows(_TRACKS, where, track_ids, values):
            yield MirroredTrack(facts)

    def replays(
        self,
        where: str | None = None,
        *,
        track_ids: Iterable[int] | None = None,
        downloaded: bool = True,
        **values: Any,
    ) -> Iterator[MirroredReplay]:
        """Yield replays in the order of their ids, by default only those whose file is there.

        `where`: a condition in SQL on `replays`, such as `"finished and position < 10"`. It and `track_ids` are as for
        `tracks`.
        """
        for facts in self._rows(_REPLAYS, where, track_ids, values, done=downloaded):
            yield MirroredReplay(facts, self.data)

    def captures(
        self, where: str | None = None, *, track_ids: Iterable[int] | None = None, **values: Any
    ) -> Iterator[MirroredCapture]:
        """Yield finished captures in the order of their ids.

        `where`: a condition in SQL on `captures`, such as `"time_matches and frames_missed = 0"`. It and `track_ids`
        are as for `tracks`.
        """
        for facts in self._rows(_CAPTURES, where, track_ids, values, done=True):
            yield MirroredCapture(facts, self.data)

    def track(self, track_id: int) -> MirroredTrack:
        """Return one track. Raise InvalidInput if the database does not have it, TypeError if the id is text."""
        return MirroredTrack(self._one(_TRACKS, "track", track_id))

    def replay(self, replay_id: int) -> MirroredReplay:
        """Return one replay. Raise InvalidInput if the database does not have it, TypeError if the id is text."""
        return MirroredReplay(self._one(_REPLAYS, "replay", replay_id), self.data)

    def capture(self, capture_id: int) -> MirroredCapture:
        """Return one capture. Raise InvalidInput if the database does not have it, TypeError if the id is text."""
        return MirroredCapture(self._one(_CAPTURES, "capture", capture_id), self.data)

    def sql(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of one reading statement; its `:name` are further arguments (`name="…"`).

        Of columns with the same name the second is `name_2`.

        Raise InvalidInput if it is wrong or would change anything.
        """
        given = values_for(query, values)
        with closing(Reader(self.location)) as reader, run_query(reader, query, given) as result:
            names = distinct_names(result.columns)
            return [dict(zip(names, row, strict=True)) for row in result.rows]

    def close(self) -> None:
        """Close all connections. The mirror opens them again when it is used."""
        if self._database is not None and self._process == os.getpid():
            self._database.close()
        self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Mirror({shown(self.location)!r}, data={str(self.data)!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {"location": self.location, "data": self.data, "_process": None, "_database": None}

    def _remembered_data(self) -> Path:
        path = self.database.path
        with self.database.read() as connection:
            stored = setting(connection, "data")
        return (path.absolute().parent if path else Path.cwd()) / (stored or "data")

    def _rows(
        self,
        table: Table,
        where: str | None,
        track_ids: Iterable[int] | None,
        values: Mapping[str, Any],
        *,
        done: bool = False,
    ) -> Iterator[Facts]:
        conditions = [table.c.status == "done"] if done else []
        ids = None if track_ids is None else whole_numbers(track_ids)
        if ids is not None and len(ids) <= MAX_IDS_PER_STATEMENT:
            conditions.append(table.c.track_id.in_(sorted(filter(is_storable, ids))))
        for facts in pages(self.database, table, conditions, where, values):
            if ids is None or facts["track_id"] in ids:
                yield facts

    def _one(self, table: Table, name: str, key: int) -> Facts:
        (column,) = table.primary_key
        key = whole_number(key)
        found = pages(self.database, table, [column == key], None, {}) if is_storable(key) else iter(())
        for facts in found:
            return facts
        raise InvalidInput(f"{name} {key} is not in {shown(self.location)}.", code="input.unknown")
