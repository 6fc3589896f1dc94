"""Which track a file belongs to: by the uid of its map, or by its folder if the leaderboard confirms that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tmxdb.adoption.recognition.matching import Match, SameTime, match_replay, numbers_in_name, track_hint
from tmxdb.adoption.recognition.reading import REPLAY, FoundFile
from tmxdb.adoption.recognition.site_lookup import SiteLookup
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.tmx.records import TrackRecord

_tracks, _replays = table_of(TrackRow), table_of(ReplayRow)
_AT_ONCE = 500
_WITHOUT_UID = "its map has no uid, and its folder names no track: it was read, but has no row"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The track of a file (None: no exchange knows it) and the replay it is (None: not on the list).

    `record`: the track as the site sent it, None if the database has it. `reason`: why the list did not decide.
    `second_of`: the replay with the id in the file's name, which has another file already.
    """

    track_id: int | None
    track_uid: str | None = None
    record: TrackRecord | None = None
    match: Match | None = None
    reason: str | None = None
    second_of: int | None = None


class Recogniser:
    """Recognises files, some hundred at a time, with the database first and the site where that is not enough."""

    def __init__(self, database: Database, site: SiteLookup) -> None:
        self._database, self._site = database, site

    def recognise(self, files: Sequence[FoundFile]) -> list[Recognised]:
        """Return what each of `files` is."""
        hints = {hint for found in files if (hint := track_hint(found)) is not None}
        uids = {found.uid for found in files if found.uid}
        with self._database.read() as connection:
            known = _known_tracks(connection, sorted(hints), sorted(uids))
        self._site.ask_for_ids(hints - known.by_id.keys())
        return [self._recognised(found, known) for found in files]

    def _recognised(self, found: FoundFile, known: _KnownTracks) -> Recognised:
        hint = track_hint(found)
        by_uid = [track_id for track_id in known.by_uid.get(found.uid or "", ()) if track_id > 0]
        if by_uid:
            track_id = hint if hint in by_uid else min(by_uid)
            return self._on_track(found, track_id, found.uid, None)
        hinted = self._hinted(hint, known)
        if hinted is not None:
            uid = hinted.track_uid
            recognised = self._on_track(found, hint or 0, uid, hinted.record)
            if recognised.match is not None or (uid is not None and uid == found.uid):
                return recognised
        local = [track_id for track_id in known.by_uid.get(found.uid or "", ()) if track_id < 0]
        if not local and found.uid:
            record = self._site.by_uid(found.uid)
            if record is not None:
                return self._on_track(found, record.track_id, found.uid, record)
        return Recognised(max(local, default=None), found.uid, reason=None if found.uid else _WITHOUT_UID)

    def _hinted(self, hint: int | None, known: _KnownTracks) -> Recognised | None:
        if hint is None:
            return None
        if hint in known.by_id:
            return Recognised(hint, known.by_id[hint])
        record = self._site.by_id(hint)
        return None if record is None else Recognised(hint, record["uid"], record)

    def _on_track(
        self, found: FoundFile, track_id: int, track_uid: str | None, record: TrackRecord | None
    ) -> Recognised:
        if found.noun != REPLAY or found.time_ms is None:
            return Recognised(track_id, track_uid, record)
        listed, taken = self._with_same_time(track_id, found)
        match, reason = match_replay(found, listed)
        second_of = None if match else min(taken & numbers_in_name(found), default=None)
        return Recognised(track_id, track_uid, record, match, reason, second_of)

    def _with_same_time(self, track_id: int, found: FoundFile) -> tuple[list[SameTime], set[int]]:
        """Return the replays of the track with this time: those in the database, else those on the site's list.

        Replays that have another file already are left out, and their ids returned.
        """
        columns = _replays.c
        named = (columns.user_name, columns.site_time_ms, columns.position)
        query = select(columns.replay_id, *named, columns.status, columns.sha256).where(
            columns.track_id == track_id, columns.site_time_ms == found.time_ms, columns.replay_id > 0
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(columns.replay_id)).fetchall()
        taken = {row.replay_id for row in rows if row.status == "done" and row.sha256 != found.sha256}
        free = [
            SameTime(row.replay_id, row.user_name, {column.name: getattr(row, column.name) for column in named})
            for row in rows
            if row.replay_id not in taken
        ]
        listed = free or [
            SameTime(record.replay_id, record["user_name"], record.columns)
            for record in self._site.replays(track_id)
            if record["site_time_ms"] == found.time_ms and record.replay_id not in taken
        ]
        return listed, taken


@dataclass(frozen=True, slots=True)
class _KnownTracks:
    """Tracks of the database: uid by id, and ids by uid."""

    by_id: dict[int, str | None]
    by_uid: dict[str, list[int]]


def _known_tracks(connection: Connection, track_ids: Sequence[int], uids: Sequence[str]) -> _KnownTracks:
    by_id: dict[int, str | None] = {}
    by_uid: dict[str, list[int]] = defaultdict(list)
    query = select(_tracks.c.track_id, _tracks.c.uid)
    for i in range(0, len(track_ids), _AT_ONCE):
        rows = connection.execute(query.where(_tracks.c.track_id.in_(track_ids[i : i + _AT_ONCE])))
        by_id.update((row[0], row[1]) for row in rows)
    for i in range(0, len(uids), _AT_ONCE):
        for track_id, uid in connection.execute(query.where(_tracks.c.uid.in_(uids[i : i + _AT_ONCE]))):
            by_uid[uid].append(track_id)
    return _KnownTracks(by_id, by_uid)
