"""Files that no row knows: the folders are walked in order, a batch at a time, and held against the rows.

A file belongs to a row that names it. It may also wait for one: a worker was killed between the renaming and the
commit, and whoever does the row next adopts it. So a file that carries the id of a row that is not done, in the folder
of its track, is left where it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, func, select

from tmxdb.db.models import Capture, Map, Replay, table_of
from tmxdb.storage import PARTIAL, Storage

TOPS = ("replays", "tracks", "frames")
FOLDERS, FILES = 100, 2000
"""How many folders of tracks, or files of a folder without, are held against the rows at once."""
_replays, _maps, _captures = table_of(Replay), table_of(Map), table_of(Capture)
_ID = re.compile(r"(?<!\d)\d{1,18}(?!\d)", re.ASCII)
_REPLAY_END, _MAP_NAME = ".replay.gbx", re.compile(r"(\d{1,18})\.challenge\.gbx", re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some folders below `top`, or (`loose`) entries that lie in it directly. `last`: the name to go on after."""

    top: str
    names: list[str]
    loose: bool

    @property
    def last(self) -> str:
        return self.names[-1]


def batches(storage: Storage, top: str, after: str | None) -> Iterator[Batch]:
    """What lies in `top` behind the name `after`, in order of names, folders first."""
    folders: list[str] = []
    loose: list[str] = []
    try:
        with os.scandir(storage.root / top) as entries:
            for entry in entries:
                if entry.name != PARTIAL:
                    (folders if entry.is_dir() else loose).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for names, is_loose, size in ((sorted(folders), False, FOLDERS), (sorted(loose), True, FILES)):
        # A mark in front of the name keeps the two apart: all folders come before all loose entries.
        names = [name for name in names if after is None or _mark(name, is_loose) > after]
        for i in range(0, len(names), size):
            yield Batch(top, names[i : i + size], is_loose)


def mark(batch: Batch) -> str:
    """Where to go on after `batch`."""
    return _mark(batch.last, batch.loose)


def _mark(name: str, loose: bool) -> str:
    return f"{'1' if loose else '0'}{name}"


def listed(storage: Storage, batch: Batch) -> list[str]:
    """The paths, as rows write them, that have to belong to somebody: files, and in `frames` whole folders.

    To be listed before the rows are read: what is published in between is then not in it.
    """
    if batch.loose:
        return [f"{batch.top}/{name}" for name in batch.names]
    if batch.top == "frames":
        return [path for name in batch.names for path in _inside(storage, f"{batch.top}/{name}")]
    return [path for name in batch.names for path in _below(storage, f"{batch.top}/{name}")]


def _inside(storage: Storage, folder: str) -> list[str]:
    try:
        with os.scandir(storage.absolute(folder)) as entries:
            return sorted(f"{folder}/{entry.name}" for entry in entries)
    except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
        return []


def _below(storage: Storage, folder: str) -> Iterator[str]:
    """Every file in `folder` and below. Links to folders are looked at, not into: they may go round in a circle."""
    try:
        with os.scandir(storage.absolute(folder)) as entries:
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, is_folder in found:
        if is_folder:
            yield from _below(storage, f"{folder}/{name}")
        else:
            yield f"{folder}/{name}"


def unknown(connection: Connection, storage: Storage, batch: Batch, paths: Sequence[str]) -> list[str]:
    """Those of `paths` that no row of their folder's track knows or waits for."""
    judge = {"replays": _unknown_replays, "tracks": _unknown_maps, "frames": _unknown_captures}[batch.top]
    return list(judge(connection, storage, batch, paths))


def strangers(connection: Connection, paths: Sequence[str]) -> list[str]:
    """Of `unknown` paths those that no row names at all.

    A row may name a file that lies elsewhere than it would be put today; there is no index to ask, so this reads all
    rows, for many paths at once.
    """
    named = _named_anywhere(connection, paths) if paths else set()
    return [path for path in paths if path.casefold() not in named]


def _unknown_replays(connection: Connection, _: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    tracks = _numbers(batch.names)
    known, waiting = set(), set()
    query = select(_replays.c.replay_id, _replays.c.track_id, _replays.c.status, _replays.c.file_path)
    for replay_id, track_id, status, path in connection.execute(query.where(_replays.c.track_id.in_(tracks))):
        if path is not None:
            known.add(path.casefold())
        if status != "done":
            waiting.add((str(track_id), str(replay_id)))
    for path in paths:
        folders, _slash, name = path.casefold().rpartition("/")
        track = folders.removeprefix("replays/")
        waits = name.endswith(_REPLAY_END) and any((track, number) in waiting for number in _ID.findall(name))
        if path.casefold() not in known and not waits:
            yield path


def _unknown_maps(connection: Connection, _: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    names = {path: _MAP_NAME.fullmatch(path.removeprefix("tracks/").casefold()) for path in paths}
    tracks = {path: int(match[1]) for path, match in names.items() if match}
    query = select(_maps.c.track_id, _maps.c.status, _maps.c.file_path)
    rows = connection.execute(query.where(_maps.c.track_id.in_(sorted(set(tracks.values())))))
    its = {track_id: (status, (path or "").casefold()) for track_id, status, path in rows}
    for path in paths:
        status, known = its.get(tracks.get(path, -1), ("done", ""))
        if status == "done" and known != path.casefold():
            yield path


def _unknown_captures(connection: Connection, storage: Storage, batch: Batch, paths: Sequence[str]) -> Iterator[str]:
    query = select(_captures.c.replay_id, _captures.c.status, _captures.c.folder_path)
    known: set[str] = set()
    above: set[str] = set()
    waiting: set[str] = set()
    for replay_id, status, path in connection.execute(query.where(_captures.c.track_id.in_(_numbers(batch.names)))):
        if path is not None:
            known.add(path.casefold())
            above.update(str(parent).casefold() for parent in PurePosixPath(path).parents)
        if status != "done":
            waiting.add(str(replay_id))
    todo = list(reversed(paths))
    while todo:
        path = todo.pop()
        if path.casefold() in known or waiting.intersection(_ID.findall(path.rpartition("/")[2])):
            continue
        if path.casefold() in above:  # folders of rows lie in it, and perhaps others
            todo.extend(reversed(_inside(storage, path)))
        else:
            yield path


def _named_anywhere(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Those of `paths` (folded) that a replay or map names as its file."""
    found: set[str] = set()
    for i in range(0, len(paths), FILES):
        part = [path.casefold() for path in paths[i : i + FILES]]
        for table in (_replays, _maps):
            named = func.lower(table.c.file_path)
            found.update(connection.execute(select(named).where(named.in_(part))).scalars())
    return found


def _numbers(names: Iterable[str]) -> list[int]:
    """The names that can be ids of tracks."""
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 19]


def aside(storage: Storage, path: str) -> Path:
    """Where a stranger goes."""
    return storage.root.joinpath("strangers", *path.split("/"))


def leftovers(half_written: Sequence[Path], live: set[str]) -> list[Path]:
    """Those of the temporary files of workers that are gone."""
    return [file for file in half_written if file.name.split("~", 1)[0] not in live]
