"""Whether a data folder has the files of the rows, judged by a sample: for `run`, `verify`, `status` and others."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.formats import plural
from tmxdb.paths import plain
from tmxdb.storage import Storage, is_absolute

if TYPE_CHECKING:
    from tmxdb.db.database import Database

FOLDERS = ("replays", "tracks", "frames")
SAMPLE, MIN_SAMPLE = 100, 5
"""Rows at both ends of a table, or spread over it, that are looked at; the fewest that allow a conclusion before files
are changed."""
_IN_PLACE = "(substr({path}, 1, 1) = '/' OR substr({path}, 2, 2) = ':/')"
"""SQL for `is_absolute`."""
_SPREAD = """
WITH RECURSIVE steps (id, step, last) AS (
  SELECT first, CASE WHEN last - first < {n} THEN 1 ELSE (last - first) / {n} END, last
  FROM (SELECT (SELECT min({key}) FROM {table}) AS first, (SELECT max({key}) FROM {table}) AS last) AS ends
  WHERE first IS NOT NULL UNION ALL SELECT id + step, step, last FROM steps WHERE id + step <= last)
SELECT {table}.{path} AS path FROM steps JOIN {table} ON {table}.{key} = (
  SELECT min(other.{key}) FROM {table} AS other WHERE other.{key} >= steps.id)
WHERE {table}.status = 'done' AND NOT {in_place}"""
"""SQL for the paths of rows at even steps of their ids. However many rows there are, it reads SAMPLE of them."""
_COLUMNS = (
    ("replays", "replay_id", "file_path"),
    ("maps", "track_id", "file_path"),
    ("captures", "capture_id", "folder_path"),
)


@dataclass(frozen=True, slots=True)
class SampledFiles:
    """How many files were looked at and how many are missing. `unreadable`: the first one of those, with the reason."""

    n: int
    missing: int = 0
    unreadable: str | None = None


def sampled_paths(values: Callable[[str], Iterable[str]], *, in_place: bool = False) -> list[str]:
    """Return the paths of some finished rows of each table. `values` returns the only column of a query.

    `in_place`: those of files that were adopted in place, otherwise those in the data folder.
    """
    return list(dict.fromkeys(path for query in _queries(in_place) for path in values(query)))


def _queries(in_place: bool) -> Iterator[str]:
    for table, key, path in _COLUMNS:
        condition = ("" if in_place else "NOT ") + _IN_PLACE.format(path=path)
        for order in ("ASC", "DESC"):
            yield (
                f"SELECT {path} AS path FROM {table} WHERE status = 'done' AND {condition}"
                f" ORDER BY {key} {order} LIMIT {SAMPLE}"
            )


def _spread_queries() -> Iterator[str]:
    for table, key, path in _COLUMNS:
        yield _SPREAD.format(table=table, key=key, path=path, n=SAMPLE, in_place=_IN_PLACE.format(path=path))


def paths_of(database: Database, *, in_place: bool = False) -> list[str]:
    """Return `sampled_paths` of a database."""
    with database.read() as connection:
        return sampled_paths(lambda query: connection.exec_driver_sql(query).scalars(), in_place=in_place)


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


def absent_folder(root: Path, values: Callable[[str], Iterable[str]]) -> str | None:
    """Return what is wrong if `root` has no folder of replays, maps or frames, but rows list files in it; else None.

    For `status`, which must be quick: it looks at few rows. `values` as in `sampled_paths`; it is not called if there
    is such a folder.
    """
    if any(os.path.isdir(root / folder) for folder in FOLDERS):
        return None
    paths = list(dict.fromkeys(path for query in _spread_queries() for path in values(query)))
    return folder_problem(root, look_at(Storage(root), paths))


def check_data_folder(database: Database, storage: Storage, *, changes: bool) -> None:
    """Raise InvalidInput if none of the files that rows name in the data folder exist: the disk may not be mounted.

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


def check_files_in_place(database: Database, storage: Storage) -> None:
    """Raise InvalidInput if none of the files that were adopted in place exist: a repair would reset all their rows.

    A few files may have been deleted on purpose: those are repaired if their folder has something else.
    """
    paths = paths_of(database, in_place=True)
    if not paths or any(storage.may_exist(path) for path in paths):
        return
    folder = _common_folder(paths)
    if len(paths) < MIN_SAMPLE and has_entries(storage.absolute(folder)):
        return
    raise InvalidInput(
        f"{folder} has none of the files that were adopted in place there. Check that its disk is mounted, put the"
        " files back, or adopt the folder that they are in now: `tmxdb adopt FOLDER --in-place`. If the files are lost,"
        " download those of each track again:"
        " `tmxdb retry --status done --kind download --kind extract --track-id ID`.",
        code="input.no_data",
    )


def _common_folder(paths: Sequence[str]) -> str:
    """Return the folder that all `paths` are in, or that of the first one if they have only the root in common."""
    first = posixpath.dirname(paths[0])
    try:
        common = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    except ValueError:  # adopted on Windows and on another system
        return first
    return common if is_absolute(common) and posixpath.dirname(common) != common else first


def has_entries(folder: Path) -> bool:
    """Return whether `folder` is there and not empty. An empty one may be the mount point of a disk."""
    try:
        return next(folder.iterdir(), None) is not None
    except OSError:
        return False
