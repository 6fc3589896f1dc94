"""Files against rows, both ways: has every row that says `done` its file, and every file its row?

First the rows in the order of their keys, then the folders. For each chunk, what was found and mended and how far it
came are written in one transaction: a run that was killed goes on there, and does and counts nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, select, tuple_

from tmxdb.clock import Clock
from tmxdb.db.engine import Database
from tmxdb.db.models import Capture, Map, Replay, table_of
from tmxdb.errors import BadInput
from tmxdb.queue.settle import reopen
from tmxdb.queue.workers import live_workers
from tmxdb.storage import Storage, disk_errors
from tmxdb.upkeep.aside import move_aside
from tmxdb.upkeep.place import Finding, Place, end, keep
from tmxdb.upkeep.strangers import TOPS, Batch, aside, batches, leftovers, listed, mark, strangers, unknown
from tmxdb.upkeep.whole import UNREADABLE, Problem, capture_problem, file_problem

CHUNK, SLICE = 2000, 100
"""Rows in a transaction; and of those in the hands of one thread."""
GATHERED, BATCHES = 2000, 50
"""Paths that may be strangers, and batches of folders, until all rows are asked."""
SAMPLE, FEW = 100, 10
"""Rows at both ends of a table that are tried before something is mended; and with how few nothing is sure."""
STRANGER = "stranger"
_TABLES = {"replay": table_of(Replay), "map": table_of(Map), "capture": table_of(Capture)}


@dataclass(frozen=True, slots=True)
class Verifying:
    """What a run needs. `on_finding` is called after the commit; `on_checked` with how many more were looked at."""

    database: Database
    storage: Storage
    place: Place
    threads: int
    clock: Clock
    stop: threading.Event
    on_finding: Callable[[Finding], None]
    on_checked: Callable[[str, int], None]


def verify(run: Verifying) -> bool:
    """Look at everything behind `run.place`; answers False if `run.stop` was set before the end.

    Raises BadInput if the data folder is not what the rows speak of (a disk that is not mounted), DiskTrouble if a
    folder can not be listed.
    """
    steps = [*_TABLES, *TOPS]
    for finding in run.place.kept:  # told by a run that was broken off; whoever reads this one needs them, too
        run.on_finding(finding)
    with ThreadPoolExecutor(run.threads) as pool:
        for step in steps[steps.index(run.place.step) if run.place.step else 0 :]:
            after = run.place.after if step == run.place.step else None
            work = _rows(run, pool, step, after) if step in _TABLES else _folders(run, pool, step, after)
            for found in work:
                for finding in found:
                    run.on_finding(finding)
                if run.stop.is_set():
                    return False
    _sweep(run)
    with run.database.write() as connection:
        end(connection, run.place, run.clock())
    return True


def check_data(database: Database, storage: Storage, *, mend: bool) -> None:
    """Raise BadInput where nothing is at all of what rows speak of: rather a disk that is not there, or the folder of
    another database, than all lost. `mend` would send all rows back, and move all files of the other one away."""
    sample: list[Any] = []
    with database.read() as connection:
        for table in _TABLES.values():
            key = table.primary_key.columns[0]
            for order in (key, key.desc()):
                sample += connection.execute(_done(table).order_by(order).limit(SAMPLE)).fetchall()
    empty = not any((storage.root / top).is_dir() for top in TOPS)
    unsure = not mend or len(sample) < FEW
    if not sample or (unsure and not empty) or any(storage.absolute(row[2]).exists() for row in sample):
        return
    raise BadInput(
        f"{storage.root} holds nothing of what the database speaks of. Is its disk there, is it the right folder?"
        " Choose another with --data; if all is lost indeed, fetch it again:"
        " `tmxdb retry --status done --kind download --kind extract`.",
        code="input.no_data",
    )


def _rows(run: Verifying, pool: ThreadPoolExecutor, noun: str, after: Any) -> Iterator[list[Finding]]:
    """Row by row of one table: what is wrong with its file."""
    table = _TABLES[noun]
    key = table.primary_key.columns[0]
    while True:
        chunk = _done(table).order_by(key).limit(CHUNK)
        with run.database.read() as connection:
            rows = connection.execute(chunk if after is None else chunk.where(key > after)).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        slices = [rows[i : i + SLICE] for i in range(0, len(rows), SLICE)]
        problems = [p for part in pool.map(lambda part: [_problem(run, row) for row in part], slices) for p in part]
        wrong = [(row, problem) for row, problem in zip(rows, problems, strict=True) if problem is not None]
        with run.database.write() as connection:
            # Only rows that are still as we saw them: with another token, somebody has done them again since.
            pairs = [(row[0], row[1]) for row, _ in wrong]
            same = (table.c.status == "done", tuple_(key, table.c.claim_token).in_(pairs))
            still = set(connection.execute(select(key).where(*same)).scalars()) if wrong else set()
            found = [_finding(run, noun, row, problem) for row, problem in wrong if row[0] in still]
            mends = [row[0] for row, problem in wrong if row[0] in still and _mendable(run, problem)]
            if mends:
                reopen(connection, table, *same, key.in_(mends))
            _note(run, noun, after, len(rows), found)
            keep(connection, run.place)
        run.on_checked(noun, len(rows))
        yield found


def _finding(run: Verifying, noun: str, row: Sequence[Any], problem: Problem) -> Finding:
    mended = "pending" if _mendable(run, problem) else None
    return Finding(problem.what, f"{noun} {row[0]}", row[2], problem.why, mended)


def _mendable(run: Verifying, problem: Problem) -> bool:
    """A disk that can not be read is no reason to fetch everything again."""
    return run.place.mend and problem.what != UNREADABLE


def _done(table: Table) -> Select[Any]:
    """Key, token, path and, for files, size and digest of what is done."""
    key = table.primary_key.columns[0]
    facts = (
        (table.c.folder_path,) if "folder_path" in table.c else (table.c.file_path, table.c.file_bytes, table.c.sha256)
    )
    return select(key, table.c.claim_token, *facts).where(table.c.status == "done")


def _problem(run: Verifying, row: Sequence[Any]) -> Problem | None:
    if len(row) == 3:
        return capture_problem(run.storage, row[2], content=run.place.content)
    return file_problem(run.storage, row[2], row[3], row[4] if run.place.content else None)


def _folders(run: Verifying, pool: ThreadPoolExecutor, top: str, after: Any) -> Iterator[list[Finding]]:
    """Folder by folder below `top`: files that no row knows."""
    with disk_errors(str(run.storage.root / top)):
        gathered: list[str] = []  # not known to the rows of their track: all rows are asked for many together
        n = since = 0
        last = None
        for batch in batches(run.storage, top, after):
            paths = _listed(run, pool, batch)
            with run.database.read() as connection:
                gathered += unknown(connection, run.storage, batch, paths)
            n, since, last = n + len(paths), since + 1, batch
            run.on_checked(top, len(paths))
            if not gathered or len(gathered) >= GATHERED or since >= BATCHES or run.stop.is_set():
                yield _told(run, top, last, n, gathered)
                gathered, n, since, last = [], 0, 0, None
        if last is not None:
            yield _told(run, top, last, n, gathered)


def _told(run: Verifying, top: str, last: Batch, n: int, paths: Sequence[str]) -> list[Finding]:
    with run.database.read() as connection:
        found = [_stranger(run, path) for path in strangers(connection, paths)]
    with run.database.write() as connection:
        _note(run, top, mark(last), n, found)
        keep(connection, run.place)
    return found


def _listed(run: Verifying, pool: ThreadPoolExecutor, batch: Batch) -> list[str]:
    singles = [batch] if batch.loose else [Batch(batch.top, [name], loose=False) for name in batch.names]
    return [path for paths in pool.map(lambda single: listed(run.storage, single), singles) for path in paths]


def _stranger(run: Verifying, path: str) -> Finding:
    why = "no row knows it"
    if not run.place.mend:
        return Finding(STRANGER, None, path, why)
    try:
        moved = move_aside(run.storage.absolute(path), aside(run.storage, path))
    except OSError as error:
        return Finding(STRANGER, None, path, f"{why}; it can not be moved: {error.strerror or error}")
    return Finding(STRANGER, None, path, why, moved.relative_to(run.storage.root).as_posix())


def _note(run: Verifying, step: str, after: Any, n: int, found: Sequence[Finding]) -> None:
    run.place.step, run.place.after = step, after
    run.place.count(step, n)
    for finding in found:
        run.place.add(finding)


def _sweep(run: Verifying) -> None:
    """Temporary files of workers that are gone: no fault, the next worker would sweep them."""
    half_written = run.storage.half_written()  # before the workers are asked for: see Storage.sweep
    with run.database.read() as connection:
        live = live_workers(connection, run.clock())
    run.place.checked["leftovers"] = len(leftovers(half_written, live))
    if run.place.mend:
        run.storage.sweep(half_written, live)
