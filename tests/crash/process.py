"""tmxdb as a process that is going to be killed: `python -m tests.crash.process NAME AUDIT tmxdb-arguments…`

It does what tmxdb does, with short waits, and writes down each file that it publishes: a line before the rename and
one after it. Lines are appended by one system call each, so that a SIGKILL loses none that was written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import tmxdb.queue.backoff
import tmxdb.queue.desk
import tmxdb.queue.worker
import tmxdb.sync.patience
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
    """The same waits, but shorter, and several pages of tracks where there would be one."""
    tmxdb.queue.backoff.LONGEST_S = 0.2
    tmxdb.queue.desk.LOOK_S = tmxdb.queue.worker.LOOK_S = 0.2
    tmxdb.sync.patience.NEVER_SEEN_S = 0.2
    tmxdb.tmx.client.PAGE = 10


if __name__ == "__main__":
    _audited(sys.argv[1], Path(sys.argv[2]))
    _quick()
    sys.argv[:] = ["tmxdb", *sys.argv[3:]]
    main()
