"""`extract`: the map of a track, cut byte for byte out of one of its downloaded replays, else from the site."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, bindparam, insert, literal_column, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.models import Map, Replay, Track, table_of
from tmxdb.errors import GbxError, Gone, WrongBody
from tmxdb.gbx import Challenge
from tmxdb.kinds.facts import map_columns, whole_challenge
from tmxdb.kinds.naming import map_path
from tmxdb.kinds.tools import Tools, track_uid
from tmxdb.queue.job import Done, Job, Outcome, Skip
from tmxdb.tmx.endpoints import track_path

TRIED_AT_MOST = 20
_maps = table_of(Map)
_replays = table_of(Replay)
_tracks = table_of(Track)

_CANDIDATES = (
    select(_replays.c.replay_id, _replays.c.file_path, _replays.c.sha256)
    .where(_replays.c.track_id == bindparam("wanted"), _replays.c.status == "done")
    .order_by(
        _replays.c.map_uid_matches.is_(True).desc(),
        _replays.c.position.is_(None),
        _replays.c.position,
        _replays.c.replay_id,
    )
    .limit(TRIED_AT_MOST)
)


class Extract:
    """Cuts maps out of replays."""

    name = "extract"
    table = _maps
    key: Column[Any] = _maps.c.track_id
    needs: tuple[NamedColumn[Any], ...] = (_maps.c.from_replay_id, _maps.c.source, _maps.c.sha256, track_uid(_maps))

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def at_most(self, n: int) -> int:
        """From replays it is work for the processor; from the site mostly waiting."""
        return max(1, n // 2) if self._tools.options.maps_from_site else min(n, 2 * (os.cpu_count() or 1))

    def prepare(self, connection: Connection) -> None:
        """With `--from site` every track's map is wanted, whether or not it has replays."""
        if self._tools.options.maps_from_site:
            known = select(_maps.c.track_id)
            wanted = select(_tracks.c.track_id, _tracks.c.priority, literal_column("'pending'")).where(
                _tracks.c.track_id.not_in(known), _tracks.c.status != "skipped"
            )
            connection.execute(insert(_maps).from_select(["track_id", "priority", "status"], wanted))

    def run(self, job: Job) -> Outcome:
        """The map file on disk, whole, and its facts in the row."""
        uid = job.row["track_uid"]
        reasons: list[str] = []
        if not self._tools.options.maps_from_site:
            for replay_id, path, sha256 in self._replays(job):
                try:
                    with self._tools.thinking:
                        data, challenge = self._cut_out(path, sha256)
                except GbxError as error:
                    reasons.append(f"replay {replay_id}: {error}")
                    continue
                return self._publish(job, data, challenge, uid, source="replay", from_replay_id=replay_id)
        try:
            return self._from_site(job, uid)
        except Gone:
            none = "; ".join(reasons[:3]) or "no replay to cut it from"
            return Skip("tmx.gone", f"map of track {job.item_id}: {none}; and the site does not have the file (404).")

    def _replays(self, job: Job) -> Iterator[tuple[int, str, str]]:
        """Downloaded replays of the track, those on its present map first, then the best."""
        with self._tools.database.read() as connection:
            rows = connection.execute(_CANDIDATES, {"wanted": job.item_id}).fetchall()
        yield from (tuple(row) for row in rows)

    def _cut_out(self, path: str, sha256: str) -> tuple[bytes, Challenge]:
        file = self._tools.storage.read(path)
        if file is None:
            raise GbxError("gbx.no_map", f"{path} is not there any more")
        if hashlib.sha256(file).hexdigest() != sha256:
            raise GbxError("gbx.no_map", f"{path} is not the file that was downloaded")
        read = self._tools.options.reader
        replay = read.replay(file)
        data, named = replay.map_bytes, replay.header.map_uid
        challenge = read.challenge(data)
        if named and challenge.uid != named:
            raise GbxError("gbx.no_map", "the map inside is not the one that the replay names")
        return data, challenge

    def _from_site(self, job: Job, uid: str | None) -> Outcome:
        item = f"map of track {job.item_id}"
        with self._tools.thinking:
            left = self._left_there(job, uid)
        if left is not None:
            return left
        with self._tools.storage.new_file(map_path(job.item_id), owner=self._tools.worker_id) as file:
            self._tools.fetcher.fetch(track_path(job.item_id), item, file.write)
            with self._tools.thinking:
                data = file.read_back()
                challenge = whole_challenge(data, item, self._tools.options.reader)
                done = self._done(job, data, challenge, uid, source="site", from_replay_id=None)
            file.publish()
        return done

    def _left_there(self, job: Job, uid: str | None) -> Done | None:
        """The present map of the track, if a run that was killed has left it whole under its final name."""
        if uid is None or job.row["source"] == "replay":
            return None
        data = self._tools.storage.read(map_path(job.item_id))
        try:
            challenge = None if data is None else whole_challenge(data, "", self._tools.options.reader)
        except WrongBody:
            return None
        if data is None or challenge is None or challenge.uid != uid:
            return None
        self._tools.storage.make_safe(map_path(job.item_id))
        return self._done(job, data, challenge, uid, source="site", from_replay_id=None)

    def _publish(self, job: Job, data: bytes, challenge: Challenge, uid: str | None, **origin: Any) -> Done:
        done = self._done(job, data, challenge, uid, **origin)
        path = map_path(job.item_id)
        if self._tools.storage.read(path) == data:  # left there whole by a run that was killed
            self._tools.storage.make_safe(path)
        else:
            with self._tools.storage.new_file(path, owner=self._tools.worker_id) as file:
                file.write(data)
                file.publish()
        return done

    def _done(self, job: Job, data: bytes, challenge: Challenge, uid: str | None, **origin: Any) -> Done:
        digest = hashlib.sha256(data).hexdigest()
        values = {"file_path": map_path(job.item_id), "file_bytes": len(data), "sha256": digest, **origin}
        return Done(values | map_columns(challenge, uid))
