"""Whether a data folder has the files of the rows, judged by a sample: for `run`, `verify`, `config` and `doctor`."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.formats import plural
from tmxdb.paths import plain
from tmxdb.storage import Storage

if TYPE_CHECKING:
    from tmxdb.db.engine import Database

FOLDERS = ("replays", "tracks", "frames")
SAMPLE, MIN_SAMPLE = 100, 5
"""Rows at both ends of a table that are looked at; the fewest that allow a conclusion before files are changed."""
_PATHS = [
    f"SELECT {path} AS path FROM {table} WHERE status = 'done' ORDER BY {key} {order} LIMIT {SAMPLE}"
    for table, key, path in (
        ("replays", "replay_id", "file_path"),
        ("maps", "track_id", "file_path"),
        ("captures", "capture_id", "folder_path"),
    )
    for order in ("ASC", "DESC")
]


@dataclass(frozen=True, slots=True)
class SampledFiles:
    """How many files were looked at and how many are missing. `unreadable`: the first one of those, with the reason."""

    n: int
    missing: int = 0
    unreadable: str | None = None


def sampled_paths(values: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the paths of some finished rows of each table. `values` returns the only column of a query."""
    return list(dict.fromkeys(path for query in _PATHS for path in values(query)))


def paths_of(database: Database) -> list[str]:
    """Return `sampled_paths` of a database."""
    with database.read() as connection:
        return sampled_paths(lambda query: connection.exec_driver_sql(query).scalars())


def look_at(storage: Storage, paths: Sequence[str]) -> SampledFiles:
    """Return which of `paths` are missing or cannot be read."""
    missing, unreadable = 0, None
    for path in paths:
        file = storage.absolute(path)
        try:
            os.stat(file)
            if not os.access(file, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except (FileNotFoundError, NotADirectoryError):
            missing += 1
        except OSError as error:
            unreadable = unreadable or f"{plain(str(file))}: cannot be read ({error.strerror or error})"
    return SampledFiles(len(paths), missing, unreadable)


def folder_problem(root: Path, found: SampledFiles) -> str | None:
    """Return what is wrong with the data folder `root`, as a sentence without its period, or None."""
    if found.unreadable is not None:
        return found.unreadable
    if not found.missing:
        return None
    if not os.path.isdir(root):
        return f"{root} does not exist, but the database lists files in it"
    if found.missing == found.n:
        return f"{root} has none of the files that the database lists"
    return f"{root} lacks {found.missing:,} of the {plural(found.n, 'file')} that were looked for"


def check_data_folder(database: Database, storage: Storage, *, changes: bool) -> None:
    """Raise InvalidInput if none of the files that rows name exist: the disk may not be mounted.

    `changes`: the run repairs or moves, and would reset all rows and move all files of another database's folder.
    """
    paths = paths_of(database)
    empty = not any(os.path.isdir(storage.root / folder) for folder in FOLDERS)
    inconclusive = not changes or len(paths) < MIN_SAMPLE
    if not paths or (inconclusive and not empty) or any(storage.may_exist(path) for path in paths):
        return
    raise InvalidInput(
        f"{storage.root} has none of the files that the database lists. Check that its disk is mounted and that it is"
        " the right folder, or choose another with --data. If the files are lost, download them again:"
        " `tmxdb retry --status done --kind download --kind extract`.",
        code="input.no_data",
    )
