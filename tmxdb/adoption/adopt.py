"""Adopt files, some hundred at a time: read, recognise, place, and store their rows.

A row says `done` only after its file is durable. What an interrupted run has finished is not read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import select

from tmxdb.adoption import ledger
from tmxdb.adoption.files import Candidate
from tmxdb.adoption.local_rows import rank_local_replays
from tmxdb.adoption.placing import Placement, place
from tmxdb.adoption.recognition.reading import MAP, REPLAY, FoundFile
from tmxdb.adoption.recognition.site_lookup import SiteLookup
from tmxdb.adoption.recognition.tracks import Recognised, Recogniser
from tmxdb.adoption.report import Report
from tmxdb.adoption.rows import Item, add_tracks, map_file_path, reserve_ids, store
from tmxdb.clock import Clock
from tmxdb.db.engine import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.kinds.naming import NameTemplate
from tmxdb.storage import Storage, id_name

CHUNK = 200
THREADS = 4
"""Threads that copy: an fsync waits for the disk."""
_replays, _maps = table_of(ReplayRow), table_of(MapRow)


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


@dataclass(slots=True)
class _Seen:
    """What the files so far are, as long as the database does not have it: for one chunk, in a dry run for all.

    `contents` and `rows`: the file that is adopted for a SHA-256 and for a row. `replays`: ids that are taken.
    """

    contents: dict[str | None, tuple[str, int | None]] = field(default_factory=dict)
    rows: dict[tuple[str, int | str], str] = field(default_factory=dict)
    replays: set[int] = field(default_factory=set)


def adopt(run: Adoption, candidates: Iterable[Candidate]) -> Report:
    """Adopt the files and return what they are. Ends after the present files when `run.stop` is set.

    With `dry_run` nothing is written and nothing is sent.
    """
    report, recogniser = Report(), Recogniser(run.database, run.site)
    seen, touched = _Seen(), set[int]()
    for chunk in _chunks(candidates):
        report.files += len(chunk)
        found = list(run.read_many(_fresh(run, chunk, report)))
        touched |= _adopt_chunk(run, recogniser, found, report, seen)
        if not run.dry_run:
            seen = _Seen()
        run.on_files(len(chunk))
        if run.stop.is_set():
            break
    if touched:
        with run.database.write() as connection:
            rank_local_replays(connection, touched)
    return report


def _chunks(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    rest = iter(candidates)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _fresh(run: Adoption, chunk: Sequence[Candidate], report: Report) -> list[Candidate]:
    """Return the files that no earlier run has finished, and count the others as that run did."""
    with run.database.read() as connection:
        known = ledger.entries(connection, [file.key for file in chunk])
    fresh: list[Candidate] = []
    for file in chunk:
        entry = known.get(file.key)
        is_same = entry is not None and (entry.file_bytes, entry.modified_ns) == (file.file_bytes, file.modified_ns)
        if entry is not None and is_same and entry.is_finished and entry.outcome != "damaged":
            report.count(entry.outcome, file.key, None, earlier=True)
        else:
            fresh.append(file)
    return fresh


def _adopt_chunk(
    run: Adoption, recogniser: Recogniser, found: Sequence[FoundFile], report: Report, seen: _Seen
) -> set[int]:
    """Adopt the files of one chunk. Return the local tracks that got replays."""
    entries: list[ledger.Entry] = []
    whole: list[FoundFile] = []
    for file in found:
        if file.problem is not None:
            entries.append(ledger.entry_of(file, "damaged", reason=file.problem))
        elif file.noun is None:
            report.other += 1
        else:
            whole.append(file)
    single = _without_duplicates(run, whole, entries, seen)
    items = _without_known(run, _items(single, recogniser.recognise(single), seen.replays), entries, seen)
    if run.dry_run:
        _count(report, entries)
        _preview(run, items, report)
        return set()
    return _write(run, items, entries, report)


def _without_duplicates(
    run: Adoption, files: Sequence[FoundFile], entries: list[ledger.Entry], seen: _Seen
) -> list[FoundFile]:
    """Return the files whose content was not adopted from another path, and add entries for the others."""
    with run.database.read() as connection:
        adopted = ledger.entries_of_content(connection, [file.sha256 or "" for file in files])
    first = seen.contents
    first |= {entry.sha256: (entry.path, entry.item_id) for entry in adopted}
    single: list[FoundFile] = []
    for file in files:
        path, item_id = first.setdefault(file.sha256, (file.candidate.key, None))
        if path == file.candidate.key:
            single.append(file)
        else:
            entries.append(ledger.entry_of(file, "duplicate", item_id, f"the same content as {path}"))
    return single


def _items(files: Sequence[FoundFile], recognised: Sequence[Recognised], taken: set[int]) -> list[Item]:
    items = []
    for file, what in zip(files, recognised, strict=True):
        if what.match is not None and what.match.replay_id in taken:
            reason = f"replay {id_name(what.match.replay_id)} is another file with the same time"
            what = Recognised(what.track_id, what.track_uid, what.record, reason=reason)
        if what.match is not None:
            taken.add(what.match.replay_id)
        items.append(Item(file, what))
    return items


def _without_known(run: Adoption, items: Sequence[Item], entries: list[ledger.Entry], seen: _Seen) -> list[Item]:
    """Return the items whose rows have no file yet, and add entries for the others: of two files one is adopted."""
    replays = {item.what.match.replay_id for item in items if item.what.match is not None}
    tracks = {item.what.track_id for item in items if item.found.noun == MAP and item.what.track_id is not None}
    with run.database.read() as connection:
        done: dict[tuple[str, int | str], Any] = {}
        for noun, table, keys in ((REPLAY, _replays, replays), (MAP, _maps, tracks)):
            key = table.primary_key.columns[0]
            query = select(key, table.c.file_path, table.c.sha256).where(key.in_(keys), table.c.status == "done")
            done |= {(noun, row[0]): row for row in connection.execute(query)}
    new: list[Item] = []
    for item in items:
        if item.row_key is None:
            new.append(item)
            continue
        noun = item.row_key[0]
        row = done.get(item.row_key)
        if row is not None:
            is_it = bool(row.file_path) and str(run.storage.absolute(row.file_path)) == item.found.candidate.path
            how = "the same content as" if row.sha256 == item.found.sha256 else "another version of"
            reason = None if is_it else f"{how} {noun} {id_name(row[0])}, which has a file already"
            entries.append(ledger.entry_of(item.found, item.outcome if is_it else "duplicate", row[0], reason))
            continue
        first = seen.rows.setdefault(item.row_key, item.found.candidate.key)
        if first == item.found.candidate.key:
            new.append(item)
        else:
            reason = f"another version of the {noun} in {first}"
            entries.append(ledger.entry_of(item.found, "duplicate", reason=reason))
    return new


def _preview(run: Adoption, items: Sequence[Item], report: Report) -> None:
    """Count what a dry run can know without the site."""
    tracks: set[object] = set()
    for item in items:
        if item.is_matched or not run.look_up:
            report.count(item.outcome, item.found.candidate.key, item.what.reason)
        else:
            report.undecided += 1
            tracks.add(item.what.track_id or item.found.uid or item.found.candidate.folders)
    report.requests += 2 * len(tracks)


def _write(run: Adoption, items: Sequence[Item], entries: list[ledger.Entry], report: Report) -> set[int]:
    with run.database.write() as connection:
        report.tracks += add_tracks(connection, items, run.clock())
        earlier = ledger.entries(connection, [item.found.candidate.key for item in items])
        local = reserve_ids(connection, items, earlier, run.clock())
        report.local_tracks += local
    usable = [item for item in items if item.track_id is not None]
    with ThreadPoolExecutor(THREADS) as pool:
        paths = list(pool.map(lambda item: _placed(run, item), usable))
    with run.database.write() as connection:
        stored = store(connection, list(zip(usable, paths, strict=True)), run.clock())
        entries += [ledger.entry_of(item.found, item.outcome, item.item_id, item.what.reason) for item in items]
        ledger.write(connection, entries, run.clock())
    for item in usable:
        if (item.found.noun, item.item_id) not in stored:
            continue  # a worker or another machine was faster
        report.replays += item.found.noun == REPLAY
        report.maps += item.found.noun == MAP
        report.local_replays += item.found.noun == REPLAY and not item.is_matched
    _count(report, entries)
    return {item.track_id for item in usable if item.track_id is not None and item.track_id < 0}


def _placed(run: Adoption, item: Item) -> str:
    path = run.template.replay_path(item.name_facts()) if item.found.noun == REPLAY else map_file_path(item)
    return place(run.storage, item.found, path, run.placement, owner=run.owner)


def _count(report: Report, entries: Sequence[ledger.Entry]) -> None:
    for entry in entries:
        report.count(entry.outcome, entry.path, entry.reason)
