"""Files without a row: walk the data folders in order, a batch at a time, and compare them with the rows.

A file belongs to a row that names it. It may also wait for one: if a worker was killed between the rename and the
commit, the next attempt adopts the file. So a file that carries the id of a row that is not done, in the folder of its
track, is not an orphan.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, select

from tmxdb.db.dialect import engine_name, may_fold_to
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, table_of
from tmxdb.paths import plain
from tmxdb.storage import PARTIAL, Storage, id_in_name, id_name
from tmxdb.storage.data_folder import is_left_over
from tmxdb.storage.walking import is_junction

ORPHANS = "orphans"
"""The folder below the data folder into which `--move-orphans` moves them."""
FOLDER_BATCH, FILE_BATCH = 100, 2000
"""How many folders of tracks, or files directly in a data folder, are compared with the rows at a time."""
_replays, _maps, _captures = table_of(ReplayRow), table_of(MapRow), table_of(CaptureRow)
_ID = re.compile(r"(?<!\d)(?:local)?\d{1,18}(?!\d)", re.ASCII)
_REPLAY_END, _MAP_NAME = ".replay.gbx", re.compile(r"((?:local)?\d{1,18})\.challenge\.gbx", re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some entries of `folder`: folders of tracks, or with `are_files` files directly in it."""

    folder: str
    names: list[str]
    are_files: bool

    @property
    def position(self) -> str:
        """Where to continue after this batch, for `batches`."""
        return _position(self.names[-1], self.are_files)


def batches(storage: Storage, folder: str, after: str | None) -> Iterator[Batch]:
    """Yield the entries of `folder` after the position `after`, in order of names, folders first.

    A link to a folder counts only if it has the name of a track, whose files may be on another disk. What any other
    link leads to is not of tmxdb.
    """
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(storage.root / folder) as entries:
            for entry in entries:
                is_folder = entry.is_dir()
                if entry.name != PARTIAL and not (is_folder and _leads_elsewhere(entry)):
                    (folders if is_folder else files).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for names, are_files, size in ((sorted(folders), False, FOLDER_BATCH), (sorted(files), True, FILE_BATCH)):
        names = [name for name in names if after is None or _position(name, are_files) > after]
        for i in range(0, len(names), size):
            yield Batch(folder, names[i : i + size], are_files)


def _position(name: str, is_file: bool) -> str:
    """Sorts all folders before all files."""
    return f"{'1' if is_file else '0'}{name}"


def paths_in(storage: Storage, batch: Batch) -> list[str]:
    """Return the paths that need a row, as rows write them: files, and in `frames` folders of captures.

    Call it before reading the rows: a file published in between is then not among the paths.
    """
    if batch.are_files:
        return [f"{batch.folder}/{name}" for name in batch.names]
    if batch.folder == "frames":
        return [path for name in batch.names for path in _entries(storage, f"{batch.folder}/{name}")]
    return [path for name in batch.names for path in _files_below(storage, f"{batch.folder}/{name}")]


def _entries(storage: Storage, folder: str) -> list[str]:
    try:
        with os.scandir(storage.absolute(folder)) as entries:
            return sorted(f"{folder}/{entry.name}" for entry in entries)
    except (FileNotFoundError, NotADirectoryError):  # deleted meanwhile
        return []


def _files_below(storage: Storage, folder: str) -> Iterator[str]:
    """Yield every file below `folder`. Links to folders are yielded, not followed: they may form a circle."""
    try:
        with os.scandir(storage.absolute(folder)) as entries:
            found = sorted((entry.name, _is_own_folder(entry)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, is_folder in found:
        if is_folder:
            yield from _files_below(storage, f"{folder}/{name}")
        else:
            yield f"{folder}/{name}"


def _leads_elsewhere(entry: os.DirEntry[str]) -> bool:
    return (entry.is_symlink() or is_junction(entry)) and id_in_name(entry.name) is None


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not is_junction(entry)


def candidates(connection: Connection, storage: Storage, batch: Batch, paths: Sequence[str]) -> list[str]:
    """Return those of `paths` that no row of their folder's track names or may adopt."""
    find = {"replays": _replay_candidates, "tracks": _map_candidates, "frames": _capture_candidates}[batch.folder]
    return list(find(connection, storage, batch, paths))


def orphans_among(connection: Connection, storage: Storage, paths: Sequence[str]) -> list[str]:
    """Return those of the `candidates` that no row names at all, also not by their absolute path.

    A row may name a file that is elsewhere than a new one would be. There is no index on paths, so this reads all rows,
    for many paths at a time.
    """
    roots = {Path(plain(str(storage.root))).absolute().as_posix(), storage.real_root.as_posix()}
    names = {path: [path, *(f"{root}/{path}" for root in roots)] for path in paths}
    named = _named_anywhere(connection, [name for every in names.values() for name in every]) if paths else set()
    return [path for path in paths if not any(name.casefold() in named for name in names[path])]


def _replay_candidates(connection: Connection, _: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    tracks = _numbers(batch.names)
    known, waiting = set(), set()
    query = select(_replays.c.replay_id, _replays.c.track_id, _replays.c.status, _replays.c.file_path)
    for replay_id, track_id, status, path in connection.execute(query.where(_replays.c.track_id.in_(tracks))):
        if path is not None:
            known.add(path.casefold())
        if status != "done":
            waiting.add((id_name(track_id), id_name(replay_id)))
    for path in paths:
        folders, _slash, name = path.casefold().rpartition("/")
        track = folders.removeprefix("replays/")
        waits = name.endswith(_REPLAY_END) and any((track, number) in waiting for number in _ID.findall(name))
        if path.casefold() not in known and not waits:
            yield path


def _map_candidates(connection: Connection, _: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    names = {path: _MAP_NAME.fullmatch(path.removeprefix("tracks/").casefold()) for path in paths}
    found = {path: id_in_name(match[1]) for path, match in names.items() if match}
    tracks = {path: track_id for path, track_id in found.items() if track_id is not None}
    query = select(_maps.c.track_id, _maps.c.status, _maps.c.file_path)
    rows = connection.execute(query.where(_maps.c.track_id.in_(sorted(set(tracks.values())))))
    by_track = {track_id: (status, (path or "").casefold()) for track_id, status, path in rows}
    for path in paths:
        status, known = by_track.get(tracks.get(path, 0), ("done", ""))
        if status == "done" and known != path.casefold():
            yield path


def _capture_candidates(connection: Connection, storage: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    query = select(_captures.c.replay_id, _captures.c.status, _captures.c.folder_path)
    known: set[str] = set()
    parents: set[str] = set()
    waiting: set[str] = set()
    for replay_id, status, path in connection.execute(query.where(_captures.c.track_id.in_(_numbers(batch.names)))):
        if path is not None:
            known.add(path.casefold())
            parents.update(str(parent).casefold() for parent in PurePosixPath(path).parents)
        if status != "done":
            waiting.add(id_name(replay_id))
    stack = list(reversed(paths))
    while stack:
        path = stack.pop()
        if path.casefold() in known or waiting.intersection(_ID.findall(path.rpartition("/")[2])):
            continue
        if path.casefold() in parents:  # contains folders of rows, and perhaps orphans
            stack.extend(reversed(_entries(storage, path)))
        else:
            yield path


def _named_anywhere(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Return those of `paths`, case-folded, that a replay or map names as its file.

    Python folds both sides: SQL's `lower` folds ASCII only, so a file `Ärger.Gbx` would belong to no row.
    """
    found: set[str] = set()
    for i in range(0, len(paths), FILE_BATCH):
        part = {path.casefold() for path in paths[i : i + FILE_BATCH]}
        for table in (_replays, _maps):
            query = select(table.c.file_path).where(may_fold_to(table.c.file_path, part, engine_name(connection)))
            with connection.execute(query, execution_options={"yield_per": FILE_BATCH}) as rows:
                found.update(part.intersection(path.casefold() for path in rows.scalars()))
    return found


def _numbers(names: Iterable[str]) -> list[int]:
    """Return the names that can be track ids."""
    return [track_id for name in names if (track_id := id_in_name(name)) is not None]


def orphan_target(storage: Storage, path: str) -> Path:
    """Return where `--move-orphans` moves the orphan `path`."""
    return storage.root.joinpath(ORPHANS, *path.split("/"))


def leftovers(partial_files: Sequence[Path], live: set[str]) -> list[Path]:
    """Return those of the temporary files whose owners have ended."""
    return [file for file in partial_files if is_left_over(file, live)]
