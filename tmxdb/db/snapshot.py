"""A SQLite database copied whole into another file, while others read and write it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

from tmxdb.db.engine import BUSY_TIMEOUT_S
from tmxdb.errors import DatabaseTrouble

_STEPS = 10_000
"""Steps of SQLite's machine, of which a million take some 0.1 s, between two looks whether to stop."""


def vacuum_into(source: Path, target: Path, stop: Event) -> bool:
    """Everything that is committed now as the new file `target`, without gaps; False if `stop` was set before the end.

    One reading transaction: writers do not wait, but the log beside `source` grows until it ends. Raises
    DatabaseTrouble.
    """
    with _sentences(f"{source} into {target}"), closing(_opened(source)) as raw:
        raw.set_progress_handler(stop.is_set, _STEPS)
        try:
            raw.execute("VACUUM INTO ?", (str(target),))
        except sqlite3.OperationalError:
            if not stop.is_set():
                raise
            return False
    return True


def make_whole(file: Path) -> None:
    """`file`, which nobody else has open, is one sound file that is written ahead like ours; nothing lies beside it.

    Raises DatabaseTrouble if it is not sound.
    """
    with _sentences(str(file)), closing(sqlite3.connect(file)) as raw:
        (said,) = raw.execute("PRAGMA quick_check(1)").fetchone()
        raw.execute("PRAGMA journal_mode = WAL")
    if said != "ok":
        raise DatabaseTrouble(f"{file}: the copy is not sound: {said}. Check the disk.", code="db.broken")


def _opened(source: Path) -> sqlite3.Connection:
    """For writing where we may: only so the log goes if we are the last. `query_only` would forbid VACUUM."""
    may_tidy = os.access(source, os.W_OK) and os.access(source.absolute().parent, os.W_OK)
    uri = f"{source.absolute().as_uri()}?mode={'rw' if may_tidy else 'ro'}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """The errors of SQLite as one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        if "full" in str(error):
            message = f"{what}: {error}. Make room, then run the same command again."
            raise DatabaseTrouble(message, code="disk.full") from error
        raise DatabaseTrouble(f"{what}: {error}. Check the disk and its permissions.", code="db.copy") from error
