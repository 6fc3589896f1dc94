"""tmxdb in a process that will be killed. Its arguments are a name, the audit file, and those of tmxdb.

It runs tmxdb with short waits and records each file that it publishes: one line before the rename and one after it.
Each line is appended by one system call, so that a SIGKILL loses no line that was written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import tmxdb.queue.backoff
import tmxdb.queue.loop.job_store
import tmxdb.queue.loop.worker
import tmxdb.sync.retrying_client
import tmxdb.tmx.client
from tmxdb.cli import main


def _audited(name: str, audit: Path) -> None:
    replace, book = os.replace, os.open(audit, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(step: str, target: Any, sha256: str) -> None:
        line = {"name": name, "step": step, "path": os.fspath(target), "sha256": sha256}
        os.write(book, (json.dumps(line) + "\n").encode())

    def replace_and_say_so(source: Any, target: Any) -> None:
        sha256 = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        note("before", target, sha256)
        replace(source, target)
        note("after", target, sha256)

    os.replace = replace_and_say_so  # type: ignore[assignment]


def _quick() -> None:
    """Shorten the waits, and split the list of tracks into several pages."""
    tmxdb.queue.backoff.MAX_BACKOFF_S = 0.2
    tmxdb.queue.loop.job_store.RECOVERY_S = tmxdb.queue.loop.worker.RECOVERY_S = 0.2
    tmxdb.sync.retrying_client.NEVER_SEEN_S = 0.2
    tmxdb.tmx.client.PAGE = 10


def run() -> None:
    """Run the command in `sys.argv`."""
    _audited(sys.argv[1], Path(sys.argv[2]))
    _quick()
    sys.argv[:] = ["tmxdb", *sys.argv[3:]]
    main()


if __name__ == "__main__":
    run()
