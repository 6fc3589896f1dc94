"""Adopt files, some hundred at a time: read, recognise, place, and store their rows.

A row says `done` only after its file is durable. What an interrupted run has finished is not read again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from sqlalchemy import select

from tmxdb.adoption import ledger
from tmxdb.adoption.files import Candidate
from tmxdb.adoption.kept import settled, without_file
from tmxdb.adoption.local_rows import mark_unranked, rank_unranked
from tmxdb.adoption.placing import FileChanged, Placement, place
from tmxdb.adoption.recognition.matching import numbers_in_name
from tmxdb.adoption.recognition.reading import CHANGED, MAP, REPLAY, FoundFile
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
    `lost`: the local id of the replay with a SHA-256 whose file is lost, or was never stored.
    """

    contents: dict[str | None, tuple[str, int | None]] = field(default_factory=dict)
    lost: dict[str | None, int] = field(default_factory=dict)
    rows: dict[tuple[str, int | str], str] = field(default_factory=dict)
    replays: set[int] = field(default_factory=set)


def adopt(run: Adoption, candidates: Iterable[Candidate]) -> Report:
    """Adopt the files and return what they are. Ends after the present files when `run.stop` is set.

    With `dry_run` nothing is written and nothing is sent.
    """
    report, recogniser = Report(), Recogniser(run.database, run.site)
    seen = _Seen()
    try:
        for chunk in _chunks(candidates):
            report.files += len(chunk)
            found = list(run.read_many(_fresh(run, chunk, report)))
            _adopt_chunk(run, recogniser, found, report, seen)
            if not run.dry_run:
                seen = _Seen()
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
    """Return the files with which something is left to do, and count the others as the run that finished them did."""
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
    run: Adoption, recogniser: Recogniser, found: Sequence[FoundFile], report: Report, seen: _Seen
) -> None:
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
    items = _without_known(run, _items(single, recogniser.recognise(single), entries, seen.replays), entries, seen)
    if run.dry_run:
        _count(report, entries)
        _preview(run, items, report)
    else:
        _write(run, items, entries, report, seen)


def _without_duplicates(
    run: Adoption, files: Sequence[FoundFile], entries: list[ledger.Entry], seen: _Seen
) -> list[FoundFile]:
    """Return the files whose content is not in the mirror from another path, and add entries for the others."""
    with run.database.read() as connection:
        adopted = ledger.entries_of_content(connection, [file.sha256 or "" for file in files])
        kept = settled(connection, run.storage, adopted)
    first = seen.contents
    first |= {entry.sha256: (entry.path, entry.item_id) for entry in adopted if entry.path in kept}
    for entry in adopted:
        if entry.sha256 not in first and entry.noun == REPLAY and entry.item_id is not None and entry.item_id < 0:
            seen.lost[entry.sha256] = entry.item_id
    single: list[FoundFile] = []
    for file in files:
        path, item_id = first.setdefault(file.sha256, (file.candidate.key, None))
        if path == file.candidate.key:
            single.append(file)
        else:
            entries.append(ledger.entry_of(file, "duplicate", item_id, f"the same content as {path}"))
    return single


def _items(
    files: Sequence[FoundFile], recognised: Sequence[Recognised], entries: list[ledger.Entry], taken: set[int]
) -> list[Item]:
    """Return the files that are adopted, and add entries for the second files of replays.

    Of several files that may be a replay, the one with its id in its name is it, or else the first.
    """
    named: dict[int, FoundFile] = {}
    for file, what in zip(files, recognised, strict=True):
        if what.match is not None and what.match.replay_id in numbers_in_name(file):
            named.setdefault(what.match.replay_id, file)
    items = []
    for file, what in zip(files, recognised, strict=True):
        match, second_of = what.match, what.second_of
        if match is not None and (match.replay_id in taken or named.get(match.replay_id, file) is not file):
            reason = f"replay {id_name(match.replay_id)} is another file with the same time"
            what = Recognised(what.track_id, what.track_uid, what.record, reason=reason)
            second_of = match.replay_id if match.replay_id in numbers_in_name(file) else None
        elif match is not None:
            taken.add(match.replay_id)
        if second_of is None:
            items.append(Item(file, what))
        else:
            reason = f"another file of replay {id_name(second_of)}, by the id in its name"
            entries.append(ledger.entry_of(file, "duplicate", second_of, reason))
    return items


def _without_known(run: Adoption, items: Sequence[Item], entries: list[ledger.Entry], seen: _Seen) -> list[Item]:
    """Return the items whose rows have no file, and add entries for the others: of two files one is adopted."""
    replays = {item.what.match.replay_id for item in items if item.what.match is not None}
    tracks = {item.what.track_id for item in items if item.found.noun == MAP and item.what.track_id is not None}
    with run.database.read() as connection:
        done: dict[tuple[str, int | str], Any] = {}
        for noun, table, keys in ((REPLAY, _replays, replays), (MAP, _maps, tracks)):
            key = table.primary_key.columns[0]
            query = select(key, table.c.file_path, table.c.sha256).where(key.in_(keys), table.c.status == "done")
            found = connection.execute(query)
            done |= {(noun, row[0]): row for row in found if row.file_path and run.storage.may_exist(row.file_path)}
    new: list[Item] = []
    for item in items:
        if item.row_key is None:
            new.append(item)
            continue
        noun = item.row_key[0]
        row = done.get(item.row_key)
        if row is not None:
            is_it = str(run.storage.absolute(row.file_path)) == item.found.candidate.path
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


def _write(run: Adoption, items: Sequence[Item], entries: list[ledger.Entry], report: Report, seen: _Seen) -> None:
    with run.database.write() as connection:
        report.tracks += add_tracks(connection, items, run.clock())
        earlier = ledger.entries(connection, [item.found.candidate.key for item in items])
        local = reserve_ids(connection, items, earlier, seen.lost, run.clock())
        report.local_tracks += local
        usable = [item for item in items if item.track_id is not None]
        lost = without_file(connection, run.storage, [item.row for item in usable])
    with ThreadPoolExecutor(THREADS) as pool:
        paths = list(pool.map(lambda item: _placed(run, item), usable))
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
        stored = store(connection, placed, lost, run.clock())
        ledger.write(connection, entries, run.clock())
        mark_unranked(connection, {item.track_id for item, _ in placed if item.track_id is not None})
    for item, _ in placed:
        if (item.found.noun, item.item_id) not in stored:
            continue  # a worker or another machine was faster
        report.replays += item.found.noun == REPLAY
        report.maps += item.found.noun == MAP
        report.local_replays += item.found.noun == REPLAY and not item.is_matched
    _count(report, entries)


def _placed(run: Adoption, item: Item) -> str | None:
    """Return the path of the file as rows store it; None if it has changed since it was read."""
    path = run.template.replay_path(item.name_facts()) if item.found.noun == REPLAY else map_file_path(item)
    try:
        return place(run.storage, item.found, path, run.placement, owner=run.owner)
    except FileChanged:
        return None


def _count(report: Report, entries: Sequence[ledger.Entry]) -> None:
    for entry in entries:
        report.count(entry.outcome, entry.path, entry.reason)
