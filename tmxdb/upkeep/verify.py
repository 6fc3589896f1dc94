"""Compare files with rows, both ways: whether every row that says `done` has its file, and every file a row.

First the rows in key order, then the folders. For each chunk, its findings, repairs and progress are written in one
transaction: a run that was stopped continues there, and does and counts nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, select, tuple_

from tmxdb.clock import Clock
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, table_of
from tmxdb.db.selected import Scope, in_selection
from tmxdb.errors import DiskError, RetryLater
from tmxdb.kinds.outdated import OLD_MAP
from tmxdb.queue.rows.settle import reopen
from tmxdb.queue.worker_registry import live_workers
from tmxdb.storage import Storage, disk_errors, is_absolute
from tmxdb.upkeep.data_folder_check import FOLDERS, has_entries
from tmxdb.upkeep.integrity import MISSING, OUTDATED, SUSPICIOUS, UNREADABLE, Problem, file_problem
from tmxdb.upkeep.orphans import (
    Batch,
    batches,
    candidates,
    leftovers,
    orphan_target,
    orphans_among,
    paths_in,
)
from tmxdb.upkeep.progress import Finding, VerifyProgress, finish, save
from tmxdb.upkeep.safe_move import move_to_free_name

CHUNK, SLICE = 2000, 100
"""Rows in one transaction, and rows that one thread checks at a time."""
GATHERED, BATCHES = 2000, 50
"""Candidates for orphans, or batches of folders, after which all rows are searched for their names."""
ORPHAN = "orphan"
_TABLES = {"replay": table_of(ReplayRow), "map": table_of(MapRow), "capture": table_of(CaptureRow)}


@dataclass(frozen=True, slots=True)
class Verification:
    """What a run needs. `on_finding` is called after the commit, `on_checked` with how many more were checked.

    Without `keeps_progress` nothing is written to the database, which then may be one that cannot be written.
    """

    database: Database
    storage: Storage
    progress: VerifyProgress
    threads: int
    clock: Clock
    stop: threading.Event
    on_finding: Callable[[Finding], None]
    on_checked: Callable[[str, int], None]
    keeps_progress: bool = True
    scope: Scope | None = None
    """Only the files of these rows."""

    def recording(self) -> AbstractContextManager[Connection]:
        """Open a transaction to write in, or to read in if no progress is kept."""
        return self.database.write() if self.keeps_progress else self.database.read()

    def save(self, connection: Connection) -> None:
        """Store the progress, if it is kept."""
        if self.keeps_progress:
            save(connection, self.progress)


def verify(run: Verification) -> bool:
    """Check everything after `run.progress`; return False if `run.stop` was set before the end.

    Raise DiskError if a folder cannot be listed.
    """
    # A file that no row names is of no selection.
    steps = [*_TABLES, *(FOLDERS if run.scope is None else ())]
    for finding in list(run.progress.kept):  # of an interrupted run: reported again if it is still true
        if finding.repaired is not None or _still_true(run, finding):
            run.on_finding(finding)
        else:
            run.progress.drop(finding)
    with ThreadPoolExecutor(run.threads) as pool:
        for step in steps[steps.index(run.progress.step) if run.progress.step else 0 :]:
            after = run.progress.after if step == run.progress.step else None
            work = _rows(run, pool, step, after) if step in _TABLES else _folders(run, pool, step, after)
            for findings in work:
                for finding in findings:
                    run.on_finding(finding)
                if run.stop.is_set():
                    return False
    _delete_leftovers(run)
    if not run.keeps_progress:
        return True
    with run.database.write() as connection:
        finish(connection, run.progress, run.clock())
    return True


def _still_true(run: Verification, finding: Finding) -> bool:
    """Return whether a finding of an interrupted run still holds: the user may have put the file back."""
    if finding.item is None:
        return run.storage.absolute(finding.path).exists()
    noun, _, number = finding.item.partition(" ")
    table = _TABLES[noun]
    with run.database.read() as connection:
        row = connection.execute(_done(table).where(table.primary_key.columns[0] == int(number))).first()
        old = _old_maps(connection, noun, [int(number)])
    return row is not None and (bool(old) or _problem(run, row) is not None)


def _rows(run: Verification, pool: ThreadPoolExecutor, noun: str, after: Any) -> Iterator[list[Finding]]:
    """Check the file of each row of one table; yield the findings of each chunk."""
    table = _TABLES[noun]
    key = table.primary_key.columns[0]
    while True:
        chunk = _done(table).order_by(key).limit(CHUNK)
        if run.scope is not None:
            chunk = chunk.where(in_selection(table, run.scope))
        with run.database.read() as connection:
            rows = connection.execute(chunk if after is None else chunk.where(key > after)).fetchall()
            old = _old_maps(connection, noun, [row[0] for row in rows])
        if not rows:
            return
        after = rows[-1][0]
        slices = [rows[i : i + SLICE] for i in range(0, len(rows), SLICE)]
        problems = [p for part in pool.map(lambda part: [_problem(run, row) for row in part], slices) for p in part]
        problems = [problem or old.get(row[0]) for row, problem in zip(rows, problems, strict=True)]
        wrong = [(row, problem) for row, problem in zip(rows, problems, strict=True) if problem is not None]
        with run.recording() as connection:
            # Only rows that have not changed: with another token, a worker has done them again since.
            pairs = [(row[0], row[1]) for row, _ in wrong]
            unchanged = (table.c.status == "done", tuple_(key, table.c.claim_token).in_(pairs))
            current = set(connection.execute(select(key).where(*unchanged)).scalars()) if wrong else set()
            found = [_finding(run, noun, row, problem) for row, problem in wrong if row[0] in current]
            repairs = [row[0] for row, problem in wrong if row[0] in current and _repairs(run, row[2], problem)]
            if repairs:
                reopen(connection, table, *unchanged, key.in_(repairs))
            _record(run, noun, after, len(rows), found)
            run.save(connection)
        run.on_checked(noun, len(rows))
        yield found


def _finding(run: Verification, noun: str, row: Sequence[Any], problem: Problem) -> Finding:
    repaired = "pending" if _repairs(run, row[2], problem) else None
    return Finding(problem.what, f"{noun} {row[0]}", row[2], problem.why, repaired)


def _repairs(run: Verification, path: str, problem: Problem) -> bool:
    """A disk that cannot be read is no reason to download everything again, nor is one that is not mounted."""
    if problem.what == MISSING and is_absolute(path) and not has_entries(run.storage.absolute(path).parent):
        return False
    return run.progress.repair and problem.what not in (UNREADABLE, SUSPICIOUS)


def _done(table: Table) -> Select[Any]:
    """Return a query for rows that are done: key, token, path; of files size and digest, of captures the replay."""
    key, columns = table.primary_key.columns[0], table.c
    if "folder_path" in columns:
        query = select(key, columns.claim_token, columns.folder_path, columns.replay_id)
    else:
        query = select(key, columns.claim_token, columns.file_path, columns.file_bytes, columns.sha256)
    return query.where(columns.status == "done")


def _old_maps(connection: Connection, noun: str, ids: Sequence[int]) -> dict[int, Problem]:
    """Return which of these maps are of an older version, although a replay with the current one is downloaded."""
    if noun != "map":
        return {}
    key = _TABLES[noun].c.track_id
    found = connection.execute(select(key).where(key.in_(ids), OLD_MAP)).scalars()
    return dict.fromkeys(found, Problem(OUTDATED, "a downloaded replay has a newer version of the map"))


def _problem(run: Verification, row: Sequence[Any]) -> Problem | None:
    if len(row) == 4:
        from tmxdb.upkeep.capture_integrity import capture_problem  # what reads captures takes 50 ms to import

        problem = capture_problem(run.storage, row[2], content=run.progress.content, replay_id=row[3])
        if problem is not None:  # a conversion may have changed the folder meanwhile
            with suppress(DiskError, RetryLater), run.storage.lock(row[2]):
                problem = capture_problem(run.storage, row[2], content=run.progress.content, replay_id=row[3])
        return problem
    return file_problem(run.storage, row[2], row[3], row[4] if run.progress.content else None)


def _folders(run: Verification, pool: ThreadPoolExecutor, folder: str, after: Any) -> Iterator[list[Finding]]:
    """Find orphans below `folder`; yield the findings of some batches at a time."""
    with disk_errors(str(run.storage.root / folder), reading=True):
        gathered: list[str] = []  # unknown to the rows of their track; all rows are searched for many of them together
        n = since = 0
        last = None
        for batch in batches(run.storage, folder, after):
            paths = _paths(run, pool, batch)
            with run.database.read() as connection:
                gathered += candidates(connection, run.storage, batch, paths)
            n, since, last = n + len(paths), since + 1, batch
            run.on_checked(folder, len(paths))
            if not gathered or len(gathered) >= GATHERED or since >= BATCHES or run.stop.is_set():
                yield _orphans(run, folder, last, n, gathered)
                gathered, n, since, last = [], 0, 0, None
        if last is not None:
            yield _orphans(run, folder, last, n, gathered)


def _orphans(run: Verification, folder: str, last: Batch, n: int, paths: Sequence[str]) -> list[Finding]:
    with run.database.read() as connection:
        found = [_orphan(run, path) for path in orphans_among(connection, run.storage, paths)]
    with run.recording() as connection:
        _record(run, folder, last.position, n, found)
        run.save(connection)
    return found


def _paths(run: Verification, pool: ThreadPoolExecutor, batch: Batch) -> list[str]:
    parts = [batch] if batch.are_files else [Batch(batch.folder, [name], are_files=False) for name in batch.names]
    return [path for paths in pool.map(lambda part: paths_in(run.storage, part), parts) for path in paths]


def _orphan(run: Verification, path: str) -> Finding:
    why = "no row names it"
    if not run.progress.move_orphans:
        return Finding(ORPHAN, None, path, why)
    try:
        moved = move_to_free_name(run.storage.absolute(path), orphan_target(run.storage, path))
    except (OSError, RetryLater) as error:
        return Finding(ORPHAN, None, path, f"{why}; it cannot be moved: {getattr(error, 'strerror', None) or error}")
    return Finding(ORPHAN, None, path, why, moved.relative_to(run.storage.root).as_posix())


def _record(run: Verification, step: str, after: Any, n: int, found: Sequence[Finding]) -> None:
    run.progress.step, run.progress.after = step, after
    run.progress.count(step, n)
    for finding in found:
        run.progress.add(finding)


def _delete_leftovers(run: Verification) -> None:
    """Count temporary files of dead workers, and delete them with `repair`; the next worker would delete them, too."""
    partial_files = run.storage.partial_files()  # before asking which workers live: see Storage.delete_partial
    with run.database.read() as connection:
        live = live_workers(connection, run.clock())
    run.progress.checked["leftovers"] = len(leftovers(partial_files, live))
    if run.progress.repair:
        run.storage.delete_partial(partial_files, live)
