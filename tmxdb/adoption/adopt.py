"""Adopt files, some hundred at a time: read, recognise, place, and store their rows.

A row says `done` only after its file is durable. What an interrupted run has finished is not read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection

from tmxdb.adoption import ledger
from tmxdb.adoption.choice import Seen, choose
from tmxdb.adoption.files import Candidate
from tmxdb.adoption.kept import is_taken, settled, without_file
from tmxdb.adoption.local_rows import mark_unranked, rank_unranked
from tmxdb.adoption.placing import FileChanged, Placement, RowTaken, place
from tmxdb.adoption.recognition.expected_lookups import ExpectedLookups
from tmxdb.adoption.recognition.reading import CHANGED, MAP, REPLAY, FoundFile
from tmxdb.adoption.recognition.site_lookup import SiteLookup
from tmxdb.adoption.recognition.tracks import Recogniser
from tmxdb.adoption.report import Report
from tmxdb.adoption.rows import Item, add_tracks, map_file_path, reserve_ids, store
from tmxdb.clock import Clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import time_of
from tmxdb.kinds.naming import NameTemplate
from tmxdb.storage import Storage

CHUNK = 200
THREADS = 4
"""Threads that copy: an fsync waits for the disk."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a run needs. `read_many` reads files, in their order, in other processes."""

    database: Database
    storage: Storage
    site: SiteLookup
    placement: Placement
    template: NameTemplate
    owner: str
    clock: Clock
    stop: threading.Event
    read_many: Callable[[Sequence[Candidate]], Iterable[FoundFile]]
    on_files: Callable[[int], None] = lambda n: None
    dry_run: bool = False
    look_up: bool = True


def adopt(run: Adoption, candidates: Iterable[Candidate]) -> Report:
    """Adopt the files and return what they are. Ends after the present files when `run.stop` is set.

    With `dry_run` nothing is written and nothing is sent.
    """
    report, recogniser = Report(), Recogniser(run.database, run.site)
    seen, lookups = Seen(), ExpectedLookups()
    try:
        for chunk in _chunks(candidates):
            report.files += len(chunk)
            found = list(run.read_many(_fresh(run, chunk, report)))
            _adopt_chunk(run, recogniser, found, report, seen, lookups)
            if not run.dry_run:
                seen = Seen()
            run.on_files(len(chunk))
            if run.stop.is_set():
                break
    finally:
        if not run.dry_run:
            with run.database.write() as connection:
                rank_unranked(connection)
    return report


def _chunks(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    rest = iter(candidates)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _fresh(run: Adoption, chunk: Sequence[Candidate], report: Report) -> list[Candidate]:
    """Return the files that still need work, and count the others as the run that finished them did."""
    with run.database.read() as connection:
        known = ledger.entries(connection, [file.key for file in chunk])
        finished = settled(connection, run.storage, list(known.values()))
    fresh: list[Candidate] = []
    for file in chunk:
        entry = known.get(file.key)
        is_same = entry is not None and (entry.file_bytes, entry.modified_ns) == (file.file_bytes, file.modified_ns)
        if entry is not None and is_same and file.key in finished:
            report.count(entry.outcome, file.key, None, earlier=True)
        else:
            fresh.append(file)
    return fresh


def _adopt_chunk(
    run: Adoption,
    recogniser: Recogniser,
    found: Sequence[FoundFile],
    report: Report,
    seen: Seen,
    lookups: ExpectedLookups,
) -> None:
    report.other += sum(file.problem is None and file.noun is None for file in found)
    items, entries = choose(run.database, run.storage, recogniser, found, seen)
    if run.dry_run:
        _count(report, entries)
        _preview(run, items, report, lookups)
    else:
        _write(run, items, entries, report, seen)


def _preview(run: Adoption, items: Sequence[Item], report: Report, lookups: ExpectedLookups) -> None:
    """Count what a dry run can know without the site."""
    undecided: list[tuple[FoundFile, int | None]] = []
    for item in items:
        if item.is_matched or not run.look_up:
            report.count(item.outcome, item.found.candidate.key, item.what.reason)
        else:
            undecided.append((item.found, item.what.track_id))
    lookups.add(undecided)
    report.undecided += len(undecided)
    report.requests = lookups.requests


def _write(run: Adoption, items: Sequence[Item], entries: list[ledger.Entry], report: Report, seen: Seen) -> None:
    with run.database.write() as connection:
        now_ms = time_of(connection, run.clock)
        report.tracks += add_tracks(connection, items, now_ms)
        report.local_tracks += reserve_ids(connection, items, _earlier_ids(connection, items, seen), now_ms)
        usable = [item for item in items if item.track_id is not None]
        lost = without_file(connection, run.storage, [item.row for item in usable])
    with ThreadPoolExecutor(THREADS) as pool:
        paths = list(pool.map(lambda item: _placed(run, item, is_lost=item.row in lost), usable))
    placed = [(item, path) for item, path in zip(usable, paths, strict=True) if path is not None]
    changed = {item.found.candidate.key for item, path in zip(usable, paths, strict=True) if path is None}
    ids = {item.found.sha256: item.item_id for item, _ in placed}
    for i, entry in enumerate(entries):
        if entry.outcome == "duplicate" and entry.item_id is None and entry.sha256 in ids:
            entries[i] = replace(entry, item_id=ids[entry.sha256])
    for item in items:
        if item.found.candidate.key in changed:
            entries.append(ledger.entry_of(item.found, "damaged", item.item_id, CHANGED))
        else:
            entries.append(ledger.entry_of(item.found, item.outcome, item.item_id, item.what.reason))
    with run.database.write() as connection:
        now_ms = time_of(connection, run.clock)
        stored = store(connection, placed, lost, now_ms)
        ledger.write(connection, entries, now_ms)
        mark_unranked(connection, {item.track_id for item, _ in placed if item.track_id is not None})
    for item, _ in placed:
        if (item.found.noun, item.item_id) not in stored:
            continue  # a worker or another machine was faster
        report.replays += item.found.noun == REPLAY
        report.maps += item.found.noun == MAP
        report.local_replays += item.found.noun == REPLAY and not item.is_matched
    _count(report, entries)


def _earlier_ids(connection: Connection, items: Sequence[Item], seen: Seen) -> dict[str, int]:
    """Return the local ids of replays that an earlier run gave to a file, or to its content at another path."""
    known = ledger.entries(connection, [item.found.candidate.key for item in items])
    ids: dict[str, int] = {}
    for item in items:
        key, sha256 = item.found.candidate.key, item.found.sha256
        entry = known.get(key)
        if entry is not None and entry.sha256 == sha256 and entry.item_id is not None and entry.item_id < 0:
            ids[key] = entry.item_id
        elif sha256 in seen.lost:
            ids[key] = seen.lost[sha256]
    return ids


def _placed(run: Adoption, item: Item, *, is_lost: bool) -> str | None:
    """Return the path of the file as rows store it; None if it has changed since it was read.

    A file of a worker that holds the row, or has finished it meanwhile, is not replaced, and `store` leaves the row
    alone. `is_lost`: the row is done although its file is missing.
    """
    path = run.template.replay_path(item.name_facts()) if item.found.noun == REPLAY else map_file_path(item)

    def confirm() -> None:
        with run.database.read() as connection:
            if is_taken(connection, item.row, is_lost=is_lost):
                raise RowTaken

    try:
        return place(run.storage, item.found, path, run.placement, owner=run.owner, confirm=confirm)
    except RowTaken:
        return path
    except FileChanged:
        return None


def _count(report: Report, entries: Sequence[ledger.Entry]) -> None:
    for entry in entries:
        report.count(entry.outcome, entry.path, entry.reason)
