"""A glance at a SQLite file for completion: without SQLAlchemy, read-only, and for at most a fraction of a second."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tmxdb.db.engines.sqlite_uri import sqlite_uri

MAX_S = 0.2
_STEPS = 2000
"""Instructions of SQLite between two looks at the clock: less than a millisecond."""


def glance(path: Path, sql: str, values: Sequence[Any], *, longest_s: float = MAX_S) -> list[tuple[Any, ...]]:
    """Return the rows that were found in time; none if the file cannot be read."""
    deadline_s = time.monotonic() + longest_s
    found: list[tuple[Any, ...]] = []
    try:
        with closing(sqlite3.connect(f"{sqlite_uri(path.absolute())}?mode=ro", uri=True, timeout=longest_s)) as file:
            file.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS)
            for row in file.execute(sql, values):
                found.append(tuple(row))
    except (sqlite3.Error, OSError, ValueError):
        pass  # too late, or no such file or table
    return found
