"""The `download` kind: fetch a replay file, check it, and read its facts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection
from sqlalchemy.sql.elements import NamedColumn

from tmxdb.db.bulk import NewRows
from tmxdb.db.dialect import engine_name, inputs_for
from tmxdb.db.models import MapRow, ReplayInputsRow, ReplayRow, table_of
from tmxdb.errors import GbxError, InvalidResponse, TmxdbError
from tmxdb.gbx import Replay as ReplayFile
from tmxdb.kinds.context import JobContext, track_uid
from tmxdb.kinds.facts import input_events, parse_replay, replay_columns
from tmxdb.kinds.fetching import Fetched, Fetching
from tmxdb.kinds.file_publisher import JobFile
from tmxdb.kinds.foreign_files import UnreadableFiles, owner_of_replay
from tmxdb.kinds.outdated import NEEDS_A_REPLAY
from tmxdb.queue.job import Done, Fail, Job, Outcome, Reopened
from tmxdb.queue.rows.settle import failure_cause
from tmxdb.storage import id_name

_maps, _replays = table_of(MapRow), table_of(ReplayRow)
_WRONG_FILE, _UNEXPECTED_FILE = "tmx.wrong_file", "tmx.unexpected_file"
KEPT_AT = 5
"""A file that is not as listed, but of no other known replay, is kept when the same bytes come for this time in a row.
With 6 % of all answers such files, less than one of a million rows gets one five times."""


class Download:
    """Fetch replay files."""

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
        _replays.c.failure_cause,
        _replays.c.failures_in_a_row,
        track_uid(_replays),
    )

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._unreadable = UnreadableFiles()

    def at_most(self, n: int) -> int:
        """Return `n`: downloads mostly wait for the site."""
        return n

    def prepare(self, connection: Connection) -> None:
        """Do nothing: listings open downloads."""

    def adopt(self, job: Job) -> Outcome | None:
        """Return the outcome for a file that is already on disk, complete and right, or that no exchange has."""
        adopted = self._adopted(job, self._context.options.name_template.replay_path(job.row))
        if adopted is None and job.item_id < 0:
            return Fail(
                "local.missing",
                f"replay {id_name(job.item_id)}: its file {job.row['file_path']} is missing or damaged, and no exchange"
                " has it. Put it back, then run `tmxdb retry --kind download`.",
            )
        return adopted

    def first_steps(self, most: int) -> Fetching:
        """Return a way to receive up to `most` files at the same time."""
        return Fetching(self._context, most)

    def finish(self, started: Sequence[Fetched]) -> None:
        """Check and publish the files."""
        try:
            checked = [(one, done) for one in started if (done := self._checked_or_none(one)) is not None]
            files = [JobFile(one.file, _replays, one.job) for one, _ in checked]
            self._context.publisher.publish_together(files)
            for (one, done), file in zip(checked, files, strict=True):
                one.outcome = file.outcome(done)
        finally:
            for one in started:
                one.file.discard()

    def _adopted(self, job: Job, path: str) -> Done | None:
        """Return the outcome for a file of an earlier run that is complete and right; nothing is fetched then."""
        for candidate in dict.fromkeys((job.row["file_path"] or path, path)):
            if self._context.storage.may_exist(candidate):  # mostly not; then no thread waits for the others
                with self._context.parse_lock:
                    done = self._kept(job, candidate)
                if done is not None:
                    return done
        return None

    def _kept(self, job: Job, path: str) -> Done | None:
        """Return the outcome for the file at `path` if it is complete and right, and make it durable."""
        data = self._context.storage.read(path)
        if data is None:
            return None
        try:
            replay = parse_replay(data, f"replay {id_name(job.item_id)}", self._context.options.reader)
        except TmxdbError:
            return None
        wanted = job.row["site_time_ms"]
        digest = hashlib.sha256(data).hexdigest()
        same_time = wanted is None or wanted == _race_time_ms(replay)
        is_right = digest == job.row["sha256"] or (job.row["sha256"] is None and same_time)
        if not is_right or not self._context.storage.kept(path, data):
            return None
        return self._done(job, path, data, digest, replay)

    def _checked_or_none(self, fetched: Fetched) -> Done | None:
        """Return the outcome for a file that may be published; for another one set its error."""
        try:
            with self._context.exchange.breaker.recording(fetched.item), self._context.parse_lock:
                return self._checked(fetched.job, fetched.path, fetched.file.read_back(), fetched.item)
        except Exception as error:  # noqa: BLE001  # raised for this job, after the others were checked
            fetched.outcome = error
            return None

    def _checked(self, job: Job, path: str, data: bytes, item: str) -> Done:
        try:
            replay = parse_replay(data, item, self._context.options.reader)
        except InvalidResponse as error:
            if error.code == "gbx.not_gbx" or error.digest is None:
                raise
            if self._unreadable.came_for_another(error.digest, job.item_id):
                message = f"{item}: the site sent the same unreadable file as for another replay."
                raise InvalidResponse(message, code=_WRONG_FILE) from error
            raise
        digest = hashlib.sha256(data).hexdigest()
        owner = self._owner(job, replay, digest)
        if owner is not None:
            raise InvalidResponse(f"{item}: the site sent the file of replay {owner}.", code=_WRONG_FILE, digest=digest)
        if self._looks_foreign(job, replay) and not self._is_kept(job, digest):
            raise InvalidResponse(
                f"{item}: the site sent a complete replay, but of another map and with another time than listed. It is"
                f" kept if the same file comes {KEPT_AT} times in a row.",
                code=_UNEXPECTED_FILE,
                digest=digest,
            )
        return self._done(job, path, data, digest, replay)

    def _owner(self, job: Job, replay: ReplayFile, digest: str) -> int | None:
        """Return the other listed replay to which this file belongs; None if its time is the listed one."""
        uid, found_ms, listed_ms = _map_uid(replay), _race_time_ms(replay), job.row["site_time_ms"]
        if uid is None or found_ms is None or listed_ms is None or found_ms == listed_ms:
            return None
        with self._context.database.read() as connection:
            return owner_of_replay(
                connection,
                not_id=job.item_id,
                map_uid=uid,
                race_time_ms=found_ms,
                listed_ms=listed_ms,
                sha256=digest,
            )

    def _is_kept(self, job: Job, digest: str) -> bool:
        same_before = job.row["failure_cause"] == failure_cause(_UNEXPECTED_FILE, digest)
        return same_before and int(job.row["failures_in_a_row"]) >= KEPT_AT - 1

    def _looks_foreign(self, job: Job, replay: ReplayFile) -> bool:
        """Return whether both the map and the time differ from the listing.

        One difference is normal: authors replace maps, and sites round times.
        """
        uid, wanted = job.row["track_uid"], job.row["site_time_ms"]
        found_uid, found_ms = _map_uid(replay), _race_time_ms(replay)
        other_map = uid is not None and found_uid is not None and uid != found_uid
        return other_map and wanted is not None and found_ms is not None and wanted != found_ms

    def _done(self, job: Job, path: str, data: bytes, digest: str, replay: ReplayFile) -> Done:
        track_id = job.row["track_id"]
        values = {"file_path": path, "file_bytes": len(data), "sha256": digest}
        opens = [NewRows(_maps, [{"track_id": track_id, "priority": job.priority}])]
        events = input_events(replay) if self._context.options.store_inputs else None
        if events is not None:
            row = {"replay_id": job.item_id, "events": inputs_for(engine_name(self._context.database.engine), events)}
            opens.append(NewRows(table_of(ReplayInputsRow), [row], update=("events",)))
        reopens = [Reopened(_maps.c.track_id, track_id, NEEDS_A_REPLAY)]
        return Done(values | replay_columns(replay, job.row["track_uid"]), opens, reopens)


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
