"""The rows of adopted files: tracks, replays with their inputs, and maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from tmxdb.adoption import ledger
from tmxdb.adoption.kept import Row
from tmxdb.adoption.recognition.reading import MAP, REPLAY, FoundFile, local_track_columns
from tmxdb.adoption.recognition.tracks import Recognised
from tmxdb.clock import iso
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.dialect import engine_name, inputs_for
from tmxdb.db.models import MapRow, ReplayInputsRow, ReplayRow, TrackRow, table_of
from tmxdb.db.selected import missing_ids
from tmxdb.kinds.naming import map_path
from tmxdb.kinds.outdated import NEEDS_A_REPLAY
from tmxdb.kinds.reopening import ALL_REPLAYS
from tmxdb.queue.rows.adopted import store_done
from tmxdb.queue.rows.settle import reopen
from tmxdb.sync.add import write_first

_tracks, _replays, _maps = table_of(TrackRow), table_of(ReplayRow), table_of(MapRow)
_IDS_AT_ONCE = 100


@dataclass(slots=True)
class Item:
    """One file, what it was recognised as, and the ids of its rows. `track_id` None: it cannot have a row."""

    found: FoundFile
    what: Recognised
    track_id: int | None = None
    replay_id: int | None = None

    @property
    def is_matched(self) -> bool:
        """Whether it is a replay on the site's list, or the current map of a track of the site."""
        if self.found.noun == REPLAY:
            return self.what.match is not None
        return self.what.track_id is not None and self.what.track_id > 0

    @property
    def outcome(self) -> str:
        """The outcome for the table `adopted_files`."""
        return "matched" if self.is_matched else "unknown"

    @property
    def row_key(self) -> tuple[str, int | str] | None:
        """The noun and id of the row that only one file can have; None if the row is a new one in any case.

        The map of a local track that has no id yet has its uid here.
        """
        if self.found.noun == REPLAY:
            return None if self.what.match is None else (REPLAY, self.what.match.replay_id)
        key = self.what.track_id if self.what.track_id is not None else self.found.uid
        return (MAP, key) if key else None

    @property
    def item_id(self) -> int | None:
        """The id of the row: of the replay, or of the track of a map."""
        return self.replay_id if self.found.noun == REPLAY else self.track_id

    @property
    def row(self) -> Row:
        """The noun and id of the row, once it has an id."""
        assert self.found.noun is not None
        assert self.item_id is not None
        return self.found.noun, self.item_id

    def name_facts(self) -> dict[str, Any]:
        """Return the columns that a name of a replay file is made of."""
        return {"replay_id": self.replay_id, "track_id": self.track_id, **self.listed_columns()}

    def listed_columns(self) -> Mapping[str, Any]:
        """Return the columns of a new row that do not come from the file."""
        match = self.what.match
        if match is not None:
            return match.columns or {"user_name": None, "site_time_ms": self.found.time_ms, "position": None}
        columns = self.found.columns or {}
        return {
            "user_name": columns["nickname_plain"] or columns["login"],
            "site_time_ms": self.found.time_ms,
            "position": None,
        }


def map_file_path(item: Item) -> str:
    """Return the path of the map in the data folder."""
    return map_path(item.track_id or 0)


def add_tracks(connection: Connection, items: Sequence[Item], now_ms: int) -> int:
    """Add the tracks that the site sent and the database does not have. Return how many."""
    records = {item.what.record.track_id: item.what.record for item in items if item.what.record is not None}
    new = missing_ids(connection, _tracks.c.track_id, sorted(records))
    for i in range(0, len(new), _IDS_AT_ONCE):
        part = new[i : i + _IDS_AT_ONCE]
        write_first(connection, part, [records[track_id] for track_id in part], now_ms)
    return len(new)


def reserve_ids(connection: Connection, items: Sequence[Item], earlier: Mapping[str, int], now_ms: int) -> int:
    """Give each item its ids: those of the site, those of an earlier run, or new local ones.

    `earlier`: the local ids of replays that an earlier run chose, by path. New local ids are noted in the ledger, and
    local tracks are added. Return how many tracks are new.
    """
    uids = sorted({item.found.uid for item in items if item.what.track_id is None and item.found.uid})
    query = select(_tracks.c.uid, _tracks.c.track_id).where(_tracks.c.uid.in_(uids), _tracks.c.track_id < 0)
    by_uid: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    track_id, added = 0, 0
    for item in items:
        uid = item.found.uid
        item.track_id = item.what.track_id if item.what.track_id is not None else by_uid.get(uid or "")
        if item.track_id is None and uid:
            track_id = track_id - 1 if track_id else ledger.next_track_id(connection)
            by_uid[uid] = item.track_id = track_id
            _add_local_track(connection, track_id, item.found, now_ms)
            added += 1
    _reserve_replay_ids(connection, items, earlier, now_ms)
    return added


def _reserve_replay_ids(connection: Connection, items: Sequence[Item], earlier: Mapping[str, int], now_ms: int) -> None:
    replay_id = 0
    reserved: list[ledger.Entry] = []
    for item in items:
        if item.found.noun != REPLAY or item.track_id is None:
            continue
        if item.what.match is not None:
            item.replay_id = item.what.match.replay_id
            continue
        item.replay_id = earlier.get(item.found.candidate.key)
        if item.replay_id is not None:
            continue
        replay_id = replay_id - 1 if replay_id else ledger.next_replay_id(connection)
        item.replay_id = replay_id
        reserved.append(ledger.entry_of(item.found, "unknown", replay_id, item.what.reason, is_finished=False))
    ledger.write(connection, reserved, now_ms)


def _add_local_track(connection: Connection, track_id: int, found: FoundFile, now_ms: int) -> None:
    connection.execute(
        insert(_tracks).values(
            track_id=track_id,
            status="done",
            finished_at=iso(now_ms),
            listed_top=ALL_REPLAYS,
            listed_whole=True,
            **{**local_track_columns(found), "uid": found.uid},
        )
    )


def store(
    connection: Connection, placed: Sequence[tuple[Item, str]], lost: Collection[Row], now_ms: int
) -> set[tuple[str, int | None]]:
    """Write the rows of files that are in their place, and open the extraction of the tracks' maps.

    `lost`: rows that are done although their file is missing. Return the noun and id of each row that was written.
    """
    track_ids = sorted({item.track_id for item, _ in placed if item.track_id is not None})
    query = select(_tracks.c.track_id, _tracks.c.priority, _tracks.c.uid).where(_tracks.c.track_id.in_(track_ids))
    tracks = {row.track_id: row for row in connection.execute(query)}
    rows = {REPLAY: [_replay_row(item, path, tracks) for item, path in placed if item.found.noun == REPLAY]}
    rows[MAP] = [_map_row(item, path, tracks) for item, path in placed if item.found.noun == MAP]
    stored: set[tuple[str, int | None]] = set()
    for noun, table, key in ((MAP, _maps, "track_id"), (REPLAY, _replays, "replay_id")):
        if rows[noun]:
            known = ("track_id", "replay_id", "priority", *_LISTED)
            result = [name for name in rows[noun][0] if name not in known and name != key]
            replaced = {item_id for lost_noun, item_id in lost if lost_noun == noun}
            written = store_done(connection, table, rows[noun], result, now_ms, replaced)
            stored |= {(noun, item_id) for item_id in written}
    engine = engine_name(connection)
    events = [
        {"replay_id": item.replay_id, "events": inputs_for(engine, item.found.events)}
        for item, _ in placed
        if item.found.events and item.row in stored
    ]
    upsert(connection, NewRows(table_of(ReplayInputsRow), events, update=("events",)))
    opened = {item.track_id for item, _ in placed if item.found.noun == REPLAY and item.track_id is not None}
    extractions = [{"track_id": key, "priority": tracks[key].priority} for key in sorted(opened)]
    upsert(connection, NewRows(_maps, extractions))
    reopen(connection, _maps, _maps.c.track_id.in_(opened), NEEDS_A_REPLAY)
    return stored


_LISTED = (
    "user_id", "user_name", "site_time_ms", "site_score", "site_respawns", "replay_at", "track_at", "position",
    "is_best", "is_leaderboard", "leaderboard_points", "validated", "oddities",
)  # fmt: skip
"""Columns of a replay that the site's list fills; a row that is known keeps its own."""


def _replay_row(item: Item, path: str, tracks: Mapping[int, Any]) -> dict[str, Any]:
    track = tracks[item.track_id or 0]
    columns = dict(item.found.columns or {})
    uid = columns["map_uid"]
    columns["map_uid_matches"] = uid == track.uid if uid and track.uid else None
    return {
        "replay_id": item.replay_id,
        "track_id": item.track_id,
        "priority": track.priority,
        **dict.fromkeys(_LISTED),
        **item.listed_columns(),
        **_file_columns(item, path),
        **columns,
    }


def _map_row(item: Item, path: str, tracks: Mapping[int, Any]) -> dict[str, Any]:
    track = tracks[item.track_id or 0]
    columns = dict(item.found.columns or {})
    columns["uid_matches"] = columns["uid"] == track.uid if columns["uid"] and track.uid else None
    return {
        "track_id": item.track_id,
        "priority": track.priority,
        "source": "adopted",
        **_file_columns(item, path),
        **columns,
    }


def _file_columns(item: Item, path: str) -> dict[str, Any]:
    file_bytes = None if item.found.facts is None else item.found.facts[0]
    return {"file_path": path, "file_bytes": file_bytes, "sha256": item.found.sha256}
