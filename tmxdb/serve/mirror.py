"""What all pages share: connections that read, the data folder, the index of tracks, and the latest status."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError, InvalidInput
from tmxdb.reports.pages.errors import ErrorGroup, read_errors
from tmxdb.reports.pages.records import BeatenRecord, read_latest_records
from tmxdb.reports.progress import SPANS, PastProgress, read_past_progress
from tmxdb.reports.status import Status, read_status
from tmxdb.serve.run.filmstrip import Filmstrips
from tmxdb.serve.scene.build import SceneBuilder
from tmxdb.serve.sql.answer import SqlRunner
from tmxdb.serve.track_index import KeptTrackIndex
from tmxdb.storage import Storage

MAX_READERS = 8
"""Connections at most; more requests wait for a free one."""
WAIT_S = 10.0
LATEST_RECORDS = 8
READ_EVERY_S = 2.0
READ_SHARE = 20
"""What takes long to read is read again only after this many times as long."""
T = TypeVar("T")


class ReaderPool:
    """Connections to one database, each used by one thread at a time.

    One to a SQLite file is closed after use. While it is open, the last worker to end leaves the write-ahead log, which
    SQLite would apply to a backup that is put in place of the file.
    """

    def __init__(self, location: str, size: int = MAX_READERS) -> None:
        self.location = location
        self._free: queue.LifoQueue[Reader] = queue.LifoQueue()
        self._places = threading.Semaphore(size)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Yield a connection. Raise DatabaseError `db.busy` if none becomes free within 10 s."""
        if not self._places.acquire(timeout=WAIT_S):
            raise DatabaseError("too many requests at once. Try again in a moment.", code="db.busy")
        try:
            reader = self._current()
            try:
                yield reader
            except InvalidInput:
                self._give_back(reader)
                raise
            except BaseException:
                reader.close()  # its connection may be broken
                raise
            else:
                self._give_back(reader)
        finally:
            self._places.release()

    def _give_back(self, reader: Reader) -> None:
        if reader.file is None:
            self._free.put(reader)
        else:
            reader.close()

    def _current(self) -> Reader:
        """Return a connection to the database that is at the location now: it may have been replaced or upgraded."""
        while True:
            try:
                reader = self._free.get_nowait()
            except queue.Empty:
                return Reader(self.location)
            if reader.is_current():
                return reader
            reader.close()

    def close(self) -> None:
        """Close all connections that are free."""
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return


class Kept(Generic[T]):
    """What takes long to read, read at most every two seconds however many pages show it."""

    def __init__(self, read: Callable[[], T], steady: Callable[[], float] = time.monotonic) -> None:
        self._read, self._steady = read, steady
        self._lock = threading.Lock()
        self._kept: T | None = None
        self._due_s = 0.0

    def latest(self) -> T:
        """Return the latest value, at most two seconds old (older if reading it takes more than 0.1 s)."""
        with self._lock:
            begin_s = self._steady()
            if self._kept is None or begin_s >= self._due_s:
                self._kept = self._read()
                end_s = self._steady()
                self._due_s = end_s + max(READ_EVERY_S, READ_SHARE * (end_s - begin_s))
            return self._kept

    def forget(self) -> None:
        """Let the next page read again: something was changed here."""
        with self._lock:
            self._kept = None


class ServedMirror:
    """A database and its data folder, for any number of threads that read."""

    def __init__(self, location: str, storage: Storage) -> None:
        self.storage = storage
        self.readers = ReaderPool(location)
        self.tracks = KeptTrackIndex(self.readers.reader)
        self.sql = SqlRunner(location)
        self.status = Kept(self._read_status)
        self.errors = Kept(self._read_errors)
        self.records = Kept(self._read_records)
        self.progress = {name: Kept(partial(self._read_progress, span)) for name, span in SPANS.items()}
        self.scenes = SceneBuilder(storage)
        self.filmstrips = Filmstrips(storage)

    def forget(self) -> None:
        """Let the next pages show what was changed here."""
        self.status.forget()
        self.errors.forget()

    def close(self) -> None:
        """Close all connections."""
        self.readers.close()

    def _read_status(self) -> Status:
        with self.readers.reader() as reader:
            return read_status(reader, self.storage.root, self.storage.free_bytes(), reader.now_ms())

    def _read_errors(self) -> list[ErrorGroup]:
        with self.readers.reader() as reader:
            return read_errors(reader)

    def _read_records(self) -> list[BeatenRecord]:
        with self.readers.reader() as reader:
            return read_latest_records(reader, n=LATEST_RECORDS)

    def _read_progress(self, span_ms: int | None) -> PastProgress:
        state = self.status.latest()
        size = sum(state.files[name]["bytes"] for name in ("replays", "maps"))
        with self.readers.reader() as reader:
            return read_past_progress(reader, span_ms, reader.now_ms(), state.kinds, size)
