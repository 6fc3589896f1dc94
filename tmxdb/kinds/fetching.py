"""The first step of a download: the file is requested and received, many at the same time in one thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmxdb.kinds.context import JobContext
from tmxdb.queue.job import Job, Started
from tmxdb.storage import NewFile, id_name
from tmxdb.tmx.endpoints import replay_path

if TYPE_CHECKING:
    from tmxdb.tmx.file_transfers import FileTransfers


@dataclass(slots=True, eq=False, kw_only=True)
class Fetched(Started):
    """A job whose file is being downloaded, or was downloaded and not yet checked."""

    path: str
    item: str
    """The replay as messages name it."""
    file: NewFile


class Fetching:
    """Files being downloaded."""

    def __init__(self, context: JobContext, most: int) -> None:
        from tmxdb.tmx.file_transfers import FileTransfers  # imports libcurl, and most commands send nothing

        self._context = context
        self._files: FileTransfers[Fetched] = FileTransfers(context.exchange, most)

    def wait_s(self, wanted: int) -> float:
        """Return in how many seconds to ask again; 0 if a file may be requested now."""
        return self._files.wait_s(wanted)

    def release(self) -> None:
        """Let others send requests first: no file is left to request."""
        self._files.release()

    def begin(self, job: Job) -> None:
        """Request the file of `job`."""
        item = f"replay {id_name(job.item_id)} (track {id_name(job.row['track_id'])})"
        path = self._context.options.name_template.replay_path(job.row)
        file = self._context.storage.create(path, owner=self._context.worker_id)
        fetched = Fetched(job, path=path, item=item, file=file)
        before = job.row["failure_cause"]
        self._files.begin(fetched, replay_path(job.item_id), item, file.write, before=before)

    def wait(self, seconds: float) -> list[Fetched]:
        """Receive what arrives within `seconds`. Return the jobs whose download has ended, well or not."""
        ended = self._files.wait(seconds)
        for fetched, error in ended:
            if error is not None:
                fetched.outcome = error
                fetched.file.discard()
        return [fetched for fetched, _ in ended]

    def close(self) -> None:
        """Give up all downloads."""
        for fetched in self._files.close():
            fetched.file.discard()
