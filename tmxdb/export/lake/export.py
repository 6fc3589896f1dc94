"""A complete export of tables into a lake: new, continued after an interruption, or what has changed since the last.

OUT/README.md                            the card
OUT/SHA256SUMS                           the SHA-256 of every file
OUT/lake.json, OUT/lake.files.jsonl      settings, and what was written: see `records.py`
OUT/TABLE/environment_name=NAME/*.*      the rows

A file appears complete under its final name and is recorded after that. A killed export therefore leaves complete files
and a record that is at most one file behind; the next one writes that file again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tmxdb import __version__
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.errors import InvalidInput
from tmxdb.export.export_lock import LOCK, ExportLock
from tmxdb.export.hub_card import CARD, SUMS, is_unchanged, signed, sums_text
from tmxdb.export.lake.card import lake_card, mirror_facts
from tmxdb.export.lake.layout import shards_of
from tmxdb.export.lake.records import (
    STATE,
    LakeFile,
    LakeSettings,
    LakeState,
    LakeTable,
    append_file,
    load_files,
    load_state,
    save_files,
)
from tmxdb.export.lake.shard import ShardJob, write_shard
from tmxdb.paths import extended
from tmxdb.process_pool import end_processes, process_pool
from tmxdb.queue.job import WorkerStopping
from tmxdb.storage import PARTIAL, Storage, write_atomic
from tmxdb.storage.durable import unlink
from tmxdb.storage.os_errors import CHOOSE_OUT


@dataclass(frozen=True, slots=True)
class LakeRequest:
    """What to export. `track_ids`: of these tracks only; empty: all.

    `since_last`: only what has changed since the last finished export. `force`: everything again.
    """

    tables: tuple[str, ...]
    settings: LakeSettings
    track_ids: tuple[int, ...] = ()
    since_last: bool = False
    force: bool = False


@dataclass(slots=True)
class LakeResult:
    """Counts of one export: files written, kept as they are, and removed; rows and bytes of the whole tables."""

    written: int = 0
    kept: int = 0
    removed: int = 0
    rows: int = 0
    bytes: int = 0
    left_out: dict[int, str] = field(default_factory=dict)
    card_kept: bool = False
    """The card was changed by hand and is left as it is."""


class LakeExport:
    """An export of tables into the folder `out`. Use it in a `with` block, which holds the lock of the folder."""

    def __init__(self, out: Path, request: LakeRequest, database: Database, location: str, data: Path) -> None:
        """`location`: the database, as processes open it. Raise InvalidInput if `out` cannot be used."""
        self.out, self.request = extended(out), request
        self._database, self._location, self._data = database, location, data
        self._lock = ExportLock(self.out)
        self._lock.acquire()
        try:
            self.state = self._begin()
            self.files = load_files(self.out)
            self.jobs = self._plan()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> LakeExport:
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def write(
        self, processes: int, *, stop: threading.Event, on_rows: Callable[[int], object] = lambda rows: None
    ) -> LakeResult:
        """Write the files that are missing or have changed.

        `on_rows` is called for each file with the number of its rows in the database. Raise WorkerStopping once `stop`
        is set, ResourcesExhausted, DiskError or DatabaseError.
        """
        result = LakeResult()
        self.state.save(self.out)
        save_files(self.out, self.files.values())  # without a line that was cut short, to which others would be added
        for job, (file, is_new) in _results(list(self.jobs), processes, stop):
            append_file(self.out, file)
            self.files[file.file] = file
            result.written += is_new
            on_rows(self.jobs[job])
        self._finish(result)
        return result

    def _begin(self) -> LakeState:
        now, tables = iso(wall_clock()), self.request.tables
        if not (self.out / STATE).exists():
            if any(entry.name not in (LOCK, PARTIAL, f"{STATE}{PARTIAL}") for entry in self.out.iterdir()):
                raise InvalidInput(
                    f"{self.out} is not empty and contains no export. Choose another folder.", code="input.not_empty"
                )
            state = LakeState(self.request.settings)
        else:
            state = load_state(self.out)
        if state.settings != self.request.settings:
            raise InvalidInput(
                f"{self.out} contains another export: {state.settings}, not {self.request.settings}. Choose another"
                " folder, or use the same options as before.",
                code="input.other_export",
            )
        for name in tables:
            table = state.tables.get(name)
            if table is None:
                state.tables[name] = LakeTable(1, now, tmxdb_version=__version__)
            elif table.finished_at is not None:
                if not (self.request.since_last or self.request.force):
                    raise InvalidInput(
                        f"{self.out}: {name} was exported on {table.finished_at[:10]}. Add what has changed with"
                        " --since-last, or write it again with --force.",
                        code="input.exists",
                    )
                state.tables[name] = LakeTable(table.round + 1, now, tmxdb_version=__version__)
        return state

    def _plan(self) -> dict[ShardJob, int]:
        """Return the files still to be looked at in this round, with their number of rows in the database."""
        request, jobs = self.request, {}
        self._planned: set[str] = set()
        for table in request.tables:
            number = self.state.tables[table].round
            for shard, rows in shards_of(self._database, table, request.track_ids).items():
                job = ShardJob(
                    self._location,
                    self._data,
                    self.out,
                    request.settings.form,
                    request.settings.for_spreadsheet,
                    shard,
                    request.track_ids,
                    number,
                )
                self._planned.add(job.file)
                before = self.files.get(job.file)
                if before is None or before.round < number or not _exists(self.out, before):
                    jobs[job if request.force else replace(job, before=before)] = rows
        return jobs

    def _finish(self, result: LakeResult) -> None:
        for name, file in list(self.files.items()):
            if file.table in self.request.tables and name not in self._planned:
                unlink(self.out.joinpath(*name.split("/")), missing_ok=True)
                del self.files[name]
                result.removed += 1
        now = iso(wall_clock())
        for table in self.request.tables:
            self.state.tables[table] = replace(self.state.tables[table], finished_at=now)
        files = sorted(self.files.values(), key=lambda file: file.file)
        save_files(self.out, files)
        card = self.out / CARD
        text = signed(lake_card(self.state, files, mirror_facts(self._database))).encode()
        before = card.read_bytes() if card.exists() else None
        if before is not None and not self._is_ours(before):
            result.card_kept = True
        else:
            write_atomic(card, text, instead=CHOOSE_OUT)
            self.state.card_sha256 = _sha256(text)
        sums = sums_text({file.file: file.sha256 for file in files})
        write_atomic(self.out / SUMS, sums, instead=CHOOSE_OUT)
        self.state.save(self.out)
        self._remove_temporary_files()
        mine = [file for file in files if file.table in self.request.tables]
        result.kept = len(mine) - result.written  # also what this export had written before it was interrupted
        result.rows, result.bytes = sum(file.rows for file in mine), sum(file.bytes for file in mine)
        result.left_out = {replay: why for file in mine for replay, why in file.left_out.items()}

    def _is_ours(self, card: bytes) -> bool:
        """Return whether a card is as it was written, also by versions that did not sign it."""
        return is_unchanged(card.decode("utf-8", "replace")) or _sha256(card) == self.state.card_sha256

    def _remove_temporary_files(self) -> None:
        """Remove temporary files of killed exports. Only now no process writes here."""
        storage = Storage(self.out, instead=CHOOSE_OUT)
        storage.delete_partial(list((self.out / PARTIAL).glob("*")), live=set())
        with suppress(OSError):
            (self.out / PARTIAL).rmdir()


def _results(
    jobs: Sequence[ShardJob], processes: int, stop: threading.Event
) -> Iterator[tuple[ShardJob, tuple[LakeFile, bool]]]:
    """Yield each job with its result, as they end. A few jobs for each process are in flight, so memory stays flat."""
    if processes <= 1 or len(jobs) < 2:
        for alone in jobs:
            _raise_if(stop)
            yield alone, write_shard(alone)
        return
    waiting, running = iter(jobs), dict[Future[tuple[LakeFile, bool]], ShardJob]()
    with process_pool(min(processes, len(jobs))) as pool:
        try:
            while True:
                while len(running) < 2 * processes and (job := next(waiting, None)) is not None:
                    running[pool.submit(write_shard, job)] = job
                if not running:
                    return
                done, _ = wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                _raise_if(stop)
                for future in done:
                    yield running.pop(future), future.result()
        except BaseException:
            end_processes(pool)  # what they are writing has a temporary name
            raise


_LOOK_S = 0.2


def _raise_if(stop: threading.Event) -> None:
    if stop.is_set():
        raise WorkerStopping("the export was interrupted")


def _exists(out: Path, file: LakeFile) -> bool:
    path = out.joinpath(*file.file.split("/"))
    return path.is_file() and path.stat().st_size == file.bytes


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
