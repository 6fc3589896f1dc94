"""Publishing several files together, which costs less than one by one and gives up nothing of their durability.

A disk takes milliseconds to sync a file, and hardly more to sync many at the same time: the file system commits them
together. Measured on ext4, files of 28 KB: 250 to 750 files/s from one thread, 3,000 from 16.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tmxdb.errors import TmxdbError
from tmxdb.storage.new_file import NewFile

SYNC_THREADS = 16


def publish_together(files: Sequence[NewFile], confirm: Callable[[], Sequence[bool]]) -> list[bool]:
    """Publish `files` as `NewFile.publish` does; return which of them were published.

    `confirm` is called under the locks of all final names, and returns which files may be published. Raise the first
    error; some files may have their final names then, but these are not certain to be durable.
    """
    for file in files:
        file.write_out()
    _sync(files)
    with ExitStack() as locks:
        for file in files:
            locks.enter_context(file.locked())
        confirmed = list(confirm())
        published = [file for file, may_publish in zip(files, confirmed, strict=True) if may_publish]
        for file in published:
            file.rename()
    for file in {file.folder: file for file in published}.values():
        file.sync_name()
    return confirmed


def _sync(files: Sequence[NewFile]) -> None:
    """Make the bytes of all files durable, many at the same time."""
    waiting, errors = deque(files), list[TmxdbError]()

    def work() -> None:
        while waiting and not errors:
            try:
                waiting.popleft().sync()
            except IndexError:  # another thread was faster
                return
            except TmxdbError as error:
                errors.append(error)

    # Daemon threads, so that a second Ctrl-C need not wait for a disk.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(SYNC_THREADS, len(files)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
