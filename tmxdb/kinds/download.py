"""`download`: fetch a replay file, see that it is one, read its facts, and only then say done."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Column, Connection
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.bulk import NewRows
from tmxdb.db.models import Map, Replay, ReplayInputs, table_of
from tmxdb.errors import GbxError, TmxdbError, WrongBody
from tmxdb.gbx import Replay as ReplayFile
from tmxdb.kinds.facts import input_events, replay_columns, whole_replay
from tmxdb.kinds.tools import Tools, track_uid
from tmxdb.queue.job import Done, Job, Outcome
from tmxdb.tmx.endpoints import replay_path

_replays = table_of(Replay)


class Download:
    """Fetches replay files."""

    name = "download"
    table = _replays
    key: Column[Any] = _replays.c.replay_id
    needs: tuple[NamedColumn[Any], ...] = (
        _replays.c.replay_id,
        _replays.c.track_id,
        _replays.c.user_name,
        _replays.c.site_time_ms,
        _replays.c.position,
        _replays.c.file_path,
        _replays.c.sha256,
        track_uid(_replays),
    )

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def at_most(self, n: int) -> int:
        """Downloads mostly wait for the site: as many as wanted."""
        return n

    def prepare(self, connection: Connection) -> None:
        """Nothing: listings open downloads."""

    def run(self, job: Job) -> Outcome:
        """The file on disk, whole; its facts in the row; and the track's map may be extracted."""
        path = self._tools.options.name_template.replay_path(job.row)
        with self._tools.thinking:
            adopted = self._adopted(job, path)
        return adopted or self._fetched(job, path)

    def _adopted(self, job: Job, path: str) -> Done | None:
        """What an earlier run left behind, if it is whole and right; then nothing is fetched."""
        item = f"replay {job.item_id}"
        for candidate in dict.fromkeys((job.row["file_path"] or path, path)):
            data = self._tools.storage.read(candidate)
            if data is None:
                continue
            try:
                replay = whole_replay(data, item, self._tools.options.reader)
            except TmxdbError:
                continue
            wanted = job.row["site_time_ms"]
            digest = hashlib.sha256(data).hexdigest()
            same_time = wanted is None or wanted == _race_time_ms(replay)
            if digest == job.row["sha256"] or (job.row["sha256"] is None and same_time):
                self._tools.storage.make_safe(candidate)
                return self._done(job, candidate, data, digest, replay)
        return None

    def _fetched(self, job: Job, path: str) -> Done:
        item = f"replay {job.item_id} (track {job.row['track_id']})"
        with self._tools.storage.new_file(path, owner=self._tools.worker_id) as file:
            self._tools.fetcher.fetch(replay_path(job.item_id), item, file.write)
            with self._tools.thinking:
                done = self._checked(job, path, file.read_back(), item)
            file.publish()
        return done

    def _checked(self, job: Job, path: str, data: bytes, item: str) -> Done:
        replay = whole_replay(data, item, self._tools.options.reader)
        if job.attempt == 1 and self._looks_foreign(job, replay):
            raise WrongBody(
                f"{item}: a whole replay, but of another map and with another time than listed; if it comes again"
                " it is kept.",
                code="tmx.wrong_file",
            )
        return self._done(job, path, data, hashlib.sha256(data).hexdigest(), replay)

    def _looks_foreign(self, job: Job, replay: ReplayFile) -> bool:
        """Whether the site may have sent the file of another replay. Authors replace maps and sites round times,
        so one sign is none, and two are worth asking once more."""
        uid, wanted = job.row["track_uid"], job.row["site_time_ms"]
        found_uid, found_ms = _map_uid(replay), _race_time_ms(replay)
        other_map = uid is not None and found_uid is not None and uid != found_uid
        return other_map and wanted is not None and found_ms is not None and wanted != found_ms

    def _done(self, job: Job, path: str, data: bytes, digest: str, replay: ReplayFile) -> Done:
        track_id = job.row["track_id"]
        values = {"file_path": path, "file_bytes": len(data), "sha256": digest}
        opens = [NewRows(table_of(Map), [{"track_id": track_id, "priority": job.priority}])]
        events = input_events(replay) if self._tools.options.store_inputs else None
        if events is not None:
            row = {"replay_id": job.item_id, "events": events}
            opens.append(NewRows(table_of(ReplayInputs), [row], update=("events",)))
        return Done(values | replay_columns(replay, job.row["track_uid"]), opens)


def _race_time_ms(replay: ReplayFile) -> int | None:
    try:
        return replay.race_time_ms
    except GbxError:
        return None


def _map_uid(replay: ReplayFile) -> str | None:
    try:
        return replay.map_uid
    except GbxError:
        return None
