"""The `extract` kind: take the map of a track from one of its downloaded replays, or download it from the site."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, bindparam, func, insert, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.bulk import fetch
from tmxdb.db.dialect import any_of, array, engine_name
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, table_of
from tmxdb.errors import GbxError, InvalidResponse, ItemGone
from tmxdb.gbx import Challenge
from tmxdb.kinds.context import JobContext, track_uid
from tmxdb.kinds.facts import map_columns, parse_challenge
from tmxdb.kinds.file_publisher import JobFile
from tmxdb.kinds.foreign_files import owner_of_map
from tmxdb.kinds.naming import map_path
from tmxdb.kinds.outdated import OLD_MAP, ON_THIS_MAP
from tmxdb.kinds.reopening import tracks_without_map
from tmxdb.queue.job import Done, Fail, Job, Outcome, Reopened
from tmxdb.storage import id_name
from tmxdb.tmx.endpoints import track_path

MAX_REPLAYS_TRIED = 20
BATCH_SIZE, MAX_BATCHES = 32, 4
"""How many maps to take out of replays and sync together; how many batches at once: some are read while others sync."""
_captures, _maps = table_of(CaptureRow), table_of(MapRow)
_replays = table_of(ReplayRow)

_FILE = (_replays.c.replay_id, _replays.c.file_path, _replays.c.sha256, _replays.c.map_uid_matches)
_BEST_FIRST = (
    _replays.c.map_uid_matches.is_(True).desc(),
    _replays.c.position.is_(None),
    _replays.c.position,
    _replays.c.replay_id,
)
_CANDIDATES = (
    select(*_FILE)
    .where(_replays.c.track_id == bindparam("wanted"), _replays.c.status == "done")
    .order_by(*_BEST_FIRST)
    .limit(MAX_REPLAYS_TRIED)
)


@cache
def _best_replays(engine: str) -> Select[Any]:
    """Return the statement that selects the first of the `_CANDIDATES` of each track in `wanted`."""
    track_id = _replays.c.track_id
    place = func.row_number().over(partition_by=track_id, order_by=_BEST_FIRST).label("place")
    done = (any_of(track_id, "wanted", engine), _replays.c.status == bindparam("done"))
    ranked = select(track_id, *_FILE, place).where(*done).subquery()
    *columns, _ = ranked.c
    return select(*columns).where(ranked.c.place == 1)


class _Replay(NamedTuple):
    """A downloaded replay of a track. `is_current`: whether it is on the track's current map; None: not known."""

    replay_id: int
    file_path: str
    sha256: str
    is_current: bool | None


class Extract:
    """Extract maps from replays, byte for byte as they are embedded."""

    name = "extract"
    table = _maps
    key: Column[Any] = _maps.c.track_id
    needs: tuple[NamedColumn[Any], ...] = (
        _maps.c.from_replay_id,
        _maps.c.source,
        _maps.c.file_path,
        _maps.c.sha256,
        _maps.c.failure_cause,
        track_uid(_maps),
    )

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def at_most(self, n: int) -> int:
        """Return few threads for replays, because each does a batch; downloads from the site mostly wait."""
        return max(1, n // 2) if self._context.options.maps_from_site else min(n, MAX_BATCHES)

    @property
    def batch_size(self) -> int:
        """Return how many maps to take out of replays together."""
        return 1 if self._context.options.maps_from_site else BATCH_SIZE

    def prepare(self, connection: Connection) -> None:
        """With `--from site`, open a row for the map of every track, also without replays."""
        if self._context.options.maps_from_site:
            connection.execute(
                insert(_maps).from_select(["track_id", "priority", "status"], tracks_without_map(self._context.options))
            )

    def adopt(self, job: Job) -> Outcome | None:
        """Return the outcome for a map file that is already on disk, complete and right."""
        with self._context.parse_lock:
            return self._kept(job, job.row["track_uid"]) or self._adopted(job, job.row["track_uid"])

    def run(self, job: Job) -> Outcome:
        """Store the map file and its facts."""
        uid = job.row["track_uid"]
        reasons: list[str] = []
        is_local = job.item_id < 0
        with self._context.parse_lock:
            kept = self._kept(job, uid)
        if kept is not None:
            return kept
        replays = self._replays(job) if is_local or not self._context.options.maps_from_site else None
        for replay in replays or ():
            try:
                with self._context.parse_lock:
                    data, challenge = self._extracted(replay)
            except GbxError as error:
                reasons.append(f"replay {id_name(replay.replay_id)}: {error}")
                continue
            done = self._publish(job, data, challenge, uid, source="replay", from_replay_id=replay.replay_id)
            return _checked_again(job, done, replays)
        if is_local:
            why = "; ".join(reasons[:3]) or "no replay of it is on disk"
            return Fail("local.no_map", f"map of track {id_name(job.item_id)}: {why}, and no exchange has the track.")
        try:
            return _checked_again(job, self._from_site(job, uid), replays)
        except ItemGone:
            why = "; ".join(reasons[:3]) or "no replay is downloaded"
            message = f"map of track {id_name(job.item_id)}: {why}, and the site does not have the file (404)."
            raise ItemGone(message) from None

    def run_batch(self, jobs: Sequence[Job]) -> list[Done | None]:
        """Store the maps of tracks without a map file, as far as the best replay of the track contains its map."""
        best = self._best_replays(jobs)
        ready: list[tuple[JobFile, Done]] = []
        with ExitStack() as files:
            with self._context.parse_lock:  # also while files are read and written: a second batch gains nothing then
                for job in jobs:
                    if job.item_id in best and not self._has_file(job):
                        with suppress(GbxError):
                            ready.append(self._written(job, best[job.item_id], files))
            self._context.publisher.publish_together([written for written, _ in ready])
        outcomes: dict[int, Done] = {}
        for written, done in ready:
            if isinstance(written.result, BaseException):
                raise written.result
            if written.result:
                outcomes[written.job.item_id] = done
        return [outcomes.get(job.item_id) for job in jobs]

    def _best_replays(self, jobs: Sequence[Job]) -> dict[int, _Replay]:
        """Return the first downloaded replay of each track that has one, in the order of `_replays`."""
        with self._context.database.read() as connection:
            engine = engine_name(connection)
            tracks = array([job.item_id for job in jobs], engine)
            rows = fetch(connection, _best_replays(engine), {"wanted": tracks, "done": "done"})
        return {track_id: _Replay(*replay) for track_id, *replay in rows}

    def _has_file(self, job: Job) -> bool:
        """Return whether there is a file to look at first: a known one, or one left by a run that was killed."""
        return job.row["file_path"] is not None or self._context.storage.may_exist(map_path(job.item_id))

    def _written(self, job: Job, replay: _Replay, files: ExitStack) -> tuple[JobFile, Done]:
        """Return the file of the map in a replay, written but not published, and the outcome."""
        data, challenge = self._extracted(replay)
        uid, replay_id = job.row["track_uid"], replay.replay_id
        done = self._done(job, data, challenge, uid, source="replay", from_replay_id=replay_id)
        new_file = self._context.storage.new_file(map_path(job.item_id), owner=self._context.worker_id)
        file = files.enter_context(new_file)
        file.write(data)
        file.write_out()
        return JobFile(file, _maps, job), _checked_again(job, done, [replay])

    def _replays(self, job: Job) -> list[_Replay]:
        """Return downloaded replays of the track: those on its current map first, then by position."""
        with self._context.database.read() as connection:
            rows = fetch(connection, _CANDIDATES, {"wanted": job.item_id})
        return [_Replay(*row) for row in rows]

    def _extracted(self, replay_row: _Replay) -> tuple[bytes, Challenge]:
        path = replay_row.file_path
        file = self._context.storage.read(path)
        if file is None:
            raise GbxError("gbx.no_map", f"{path} no longer exists")
        if hashlib.sha256(file).hexdigest() != replay_row.sha256:
            raise GbxError("gbx.no_map", f"{path} has changed since it was downloaded")
        read = self._context.options.reader
        replay = read.replay(file)
        data, named = replay.map_bytes, replay.header.map_uid
        challenge = read.challenge(data)
        if named and challenge.uid != named:
            raise GbxError("gbx.no_map", "the embedded map is not the one that the replay names")
        return data, challenge

    def _from_site(self, job: Job, uid: str | None) -> Done:
        item = f"map of track {id_name(job.item_id)}"
        with self._context.parse_lock:
            adopted = self._adopted(job, uid)
        if adopted is not None:
            return adopted
        with self._context.storage.new_file(map_path(job.item_id), owner=self._context.worker_id) as file:

            def check() -> Done:
                with self._context.parse_lock:
                    data = file.read_back()
                    challenge = parse_challenge(data, item, self._context.options.reader)
                    self._check_owner(job, challenge, uid, hashlib.sha256(data).hexdigest(), item)
                    return self._done(job, data, challenge, uid, source="site", from_replay_id=None)

            before = job.row["failure_cause"]
            done = self._context.fetcher.fetch(track_path(job.item_id), item, file.write, check, before=before)
            self._context.publisher.publish(file, _maps, job)
        return done

    def _check_owner(self, job: Job, challenge: Challenge, uid: str | None, digest: str, item: str) -> None:
        """Raise InvalidResponse for the map of another track. One that no track has is a newer version of this map."""
        if uid is None or challenge.uid is None or challenge.uid == uid:
            return
        with self._context.database.read() as connection:
            owner = owner_of_map(connection, not_id=job.item_id, map_uid=challenge.uid)
        if owner is not None:
            message = f"{item}: the site sent the map of track {owner}."
            raise InvalidResponse(message, code="tmx.wrong_file", digest=digest)

    def _kept(self, job: Job, uid: str | None) -> Done | None:
        """Return the outcome for a map that `tmxdb adopt` stored, or of a local track, if its file is still whole."""
        source, path = job.row["source"], job.row["file_path"]
        if path is None or source is None or (source != "adopted" and job.item_id > 0):
            return None
        data = self._context.storage.read(path)
        if data is None or hashlib.sha256(data).hexdigest() != job.row["sha256"]:
            return None
        challenge = parse_challenge(data, f"map of track {id_name(job.item_id)}", self._context.options.reader)
        if (uid is not None and challenge.uid != uid) or not self._context.storage.kept(path, data):
            return None
        from_replay_id = job.row["from_replay_id"]
        return self._done(job, data, challenge, uid, path=path, source=source, from_replay_id=from_replay_id)

    def _adopted(self, job: Job, uid: str | None) -> Done | None:
        """Return the outcome for the current map of the track if an earlier run left its complete file."""
        if uid is None or job.row["source"] == "replay":
            return None
        data = self._context.storage.read(map_path(job.item_id))
        try:
            challenge = None if data is None else parse_challenge(data, "", self._context.options.reader)
        except InvalidResponse:
            return None
        if data is None or challenge is None or challenge.uid != uid:
            return None
        if not self._context.storage.kept(map_path(job.item_id), data):
            return None
        return self._done(job, data, challenge, uid, source="site", from_replay_id=None)

    def _publish(self, job: Job, data: bytes, challenge: Challenge, uid: str | None, **origin: Any) -> Done:
        done = self._done(job, data, challenge, uid, **origin)
        path = map_path(job.item_id)
        if not self._context.storage.kept(path, data):  # by a run that was killed before the commit
            with self._context.storage.new_file(path, owner=self._context.worker_id) as file:
                file.write(data)
                self._context.publisher.publish(file, _maps, job)
        return done

    def _done(
        self, job: Job, data: bytes, challenge: Challenge, uid: str | None, *, path: str | None = None, **origin: Any
    ) -> Done:
        digest = hashlib.sha256(data).hexdigest()
        values = {"file_path": path or map_path(job.item_id), "file_bytes": len(data), "sha256": digest, **origin}
        # A first map changes nothing for captures: without one, they wait for it.
        replaces = job.row["file_path"] is not None
        captures = [Reopened(_captures.c.track_id, job.item_id, ON_THIS_MAP)] if replaces else []
        return Done(values | map_columns(challenge, uid), reopens=captures)


def _checked_again(job: Job, done: Done, replays: Sequence[_Replay] | None) -> Done:
    """Return `done`, which reopens its row if a replay on the current map was downloaded after `replays` were read.

    Not if the current map was among them, in a file that is damaged, or if none were read: it would be done for ever.
    """
    if done.values["uid_matches"] is not False or replays is None or any(replay.is_current for replay in replays):
        return done
    return replace(done, reopens=[*done.reopens, Reopened(_maps.c.track_id, job.item_id, OLD_MAP)])
