"""Syncs and closes the files of a capture in threads of its own, so that an fsync does not delay the next frame."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress
from typing import Any

SYNC_THREADS = 4
"""Threads that sync at the same time: the disk commits their files together. With one thread, a game that sends 1,000
frames per second waits for the disk."""
GROUP = 16
"""Files that a thread takes at once. Handing over each one costs as much as closing it."""
MAX_UNSYNCED_FILES = 128
"""Files that may wait for their fsync; each is an open handle."""


class FileSyncer:
    """Makes files durable. Its methods are called by one thread."""

    def __init__(self) -> None:
        self._group: list[Any] = []
        # The other groups are those that are synced, and the one that is filled.
        self._groups: queue.Queue[list[Any] | None] = queue.Queue(MAX_UNSYNCED_FILES // GROUP - SYNC_THREADS - 1)
        self._error: OSError | None = None
        self._threads: list[threading.Thread] = []

    def add(self, file: Any) -> None:
        """Sync and close `file` soon. Raise the error of an earlier file."""
        self._group.append(file)
        if self._error is not None:
            raise self._error
        if len(self._group) == GROUP:
            self._hand_over()

    def finish(self) -> None:
        """Wait until all files are durable. Raise the first error."""
        self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Sync and close the files that are waiting, and stop the threads."""
        if self._group:
            self._hand_over()
        for _ in self._threads:
            self._groups.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _hand_over(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._run, name="syncer", daemon=True) for _ in range(SYNC_THREADS)
            ]
            for thread in self._threads:
                thread.start()
        self._groups.put(self._group)
        self._group = []

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            for file in group:
                try:
                    os.fsync(file.fileno())
                except OSError as error:
                    self._error = self._error or error
                with suppress(OSError):
                    file.close()
