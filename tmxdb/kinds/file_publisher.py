"""Publishing the files of jobs, each only while its row is still ours.

Files of several jobs are published together: one query and one sync of a folder serve many of them. Downloads come here
together already (`tmxdb/queue/loop/finisher.py`). Threads that fetch a map each wait for one of them, which publishes
for all.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from tmxdb.queue.job import ClaimLost, Done, Job
from tmxdb.storage import NewFile, Storage

Claim = tuple[Table, Job]


@dataclass(slots=True, eq=False)
class JobFile:
    """A file written by the job of a row in `table`."""

    file: NewFile
    table: Table
    job: Job
    result: bool | BaseException | None = None
    """None until it was published, by this thread or another one; see `Storage.publish_together`."""

    def outcome(self, done: Done) -> Done | BaseException:
        """Return `done` if the file was published, else the error of the job."""
        if isinstance(self.result, BaseException):
            return self.result
        return done if self.result else ClaimLost(self.job)


class FilePublisher:
    """Publishes files for any number of threads. `held` returns which claims are still ours."""

    def __init__(self, storage: Storage, held: Callable[[Sequence[Claim]], Sequence[bool]]) -> None:
        self._storage, self._held = storage, held
        self._waiting: deque[JobFile] = deque()
        self._turn = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many files the next thread publishes."""
        return len(self._waiting)

    def publish(self, file: NewFile, table: Table, job: Job) -> None:
        """Publish one file, together with those of other threads that wait.

        Raise ClaimLost if another worker has the row now, DiskError, RetryLater, or what `held` raises.
        """
        written = JobFile(file, table, job)
        self._waiting.append(written)
        with self._turn:
            if written.result is None:
                self._publish_waiting()
        if isinstance(written.result, BaseException):
            raise written.result
        if not written.result:
            raise ClaimLost(job)

    def publish_together(self, files: Sequence[JobFile]) -> None:
        """Publish `files` and set their results. Raise what `held` raises."""
        job_files = {written.file: written for written in files}

        def confirm(ready: Sequence[NewFile]) -> Sequence[bool]:
            return self._held([(job_files[file].table, job_files[file].job) for file in ready])

        results = self._storage.publish_together(list(job_files), confirm)
        for written, result in zip(files, results, strict=True):
            written.result = result

    def _publish_waiting(self) -> None:
        """Publish all files that wait. If their claims cannot be checked, each thread gets the error."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            self.publish_together(taken)
        except BaseException as error:  # noqa: BLE001  # raised in each thread
            for written in taken:
                written.result = error
