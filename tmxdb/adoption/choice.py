"""Which of the files that were read are adopted: of several with the same content or for the same row, one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from tmxdb.adoption import ledger
from tmxdb.adoption.kept import settled
from tmxdb.adoption.recognition.matching import numbers_in_name
from tmxdb.adoption.recognition.reading import MAP, REPLAY, FoundFile
from tmxdb.adoption.recognition.tracks import Recognised, Recogniser
from tmxdb.adoption.rows import Item
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.storage import Storage, id_name

_replays, _maps = table_of(ReplayRow), table_of(MapRow)


@dataclass(slots=True)
class Seen:
    """What the files so far are, as long as the database does not have it: for one chunk, in a dry run for all.

    `contents` and `rows`: the file that is adopted for a SHA-256 and for a row. `replays`: ids that are taken.
    `lost`: the local id of the replay with a SHA-256 whose file is lost, or was never stored.
    """

    contents: dict[str | None, tuple[str, int | None]] = field(default_factory=dict)
    lost: dict[str | None, int] = field(default_factory=dict)
    rows: dict[tuple[str, int | str], str] = field(default_factory=dict)
    replays: set[int] = field(default_factory=set)


def choose(
    database: Database, storage: Storage, recogniser: Recogniser, found: Sequence[FoundFile], seen: Seen
) -> tuple[list[Item], list[ledger.Entry]]:
    """Return the files to adopt, and the entries of damaged and duplicate ones. Files of another kind are left out."""
    entries = [ledger.entry_of(file, "damaged", reason=file.problem) for file in found if file.problem is not None]
    whole = [file for file in found if file.problem is None and file.noun is not None]
    single = _without_duplicates(database, storage, whole, entries, seen)
    items = _items(single, recogniser.recognise(single), entries, seen.replays)
    return _without_known(database, storage, items, entries, seen), entries


def _without_duplicates(
    database: Database, storage: Storage, files: Sequence[FoundFile], entries: list[ledger.Entry], seen: Seen
) -> list[FoundFile]:
    """Return the files whose content is not in the mirror from another path, and add entries for the others."""
    with database.read() as connection:
        adopted = ledger.entries_of_content(connection, [file.sha256 or "" for file in files])
        kept = settled(connection, storage, adopted)
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
    """Return the files to adopt, and add entries for the second files of replays.

    If several files may be the same replay, it is the one with its id in the name, or else the first.
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
            reason = f"a second file of replay {id_name(second_of)}: its name has the id"
            entries.append(ledger.entry_of(file, "duplicate", second_of, reason))
    return items


def _without_known(
    database: Database, storage: Storage, items: Sequence[Item], entries: list[ledger.Entry], seen: Seen
) -> list[Item]:
    """Return the items whose rows have no file, and add entries for the others: of two files one is adopted."""
    replays = {item.what.match.replay_id for item in items if item.what.match is not None}
    tracks = {item.what.track_id for item in items if item.found.noun == MAP and item.what.track_id is not None}
    with database.read() as connection:
        done: dict[tuple[str, int | str], Any] = {}
        for noun, table, keys in ((REPLAY, _replays, replays), (MAP, _maps, tracks)):
            key = table.primary_key.columns[0]
            query = select(key, table.c.file_path, table.c.sha256).where(key.in_(keys), table.c.status == "done")
            found = connection.execute(query)
            done |= {(noun, row[0]): row for row in found if row.file_path and storage.may_exist(row.file_path)}
    new: list[Item] = []
    for item in items:
        if item.row_key is None:
            new.append(item)
            continue
        noun = item.row_key[0]
        row = done.get(item.row_key)
        if row is not None:
            is_it = str(storage.absolute(row.file_path)) == item.found.candidate.path
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
