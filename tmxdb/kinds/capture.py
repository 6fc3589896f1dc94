"""`capture`: drive a replay in the game again, and store frames with inputs and states."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, Connection, bindparam, func, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb import __version__
from tmxdb.capture.dataset import Dataset, folder_path, whole
from tmxdb.capture.encode import Encoder
from tmxdb.capture.manifest import Metadata
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.script import run_of
from tmxdb.capture.session import Games, Station, Wanted
from tmxdb.capture.settings import CaptureSettings, settings_of
from tmxdb.clock import wall_clock
from tmxdb.db.models import Capture as CaptureRow
from tmxdb.db.models import Map, Replay, table_of
from tmxdb.errors import BadInput, GameTrouble, NeverAgain, TryLater
from tmxdb.kinds.tools import Tools
from tmxdb.queue.job import Done, Job, Outcome

_captures, _replays, _maps = table_of(CaptureRow), table_of(Replay), table_of(Map)
ENDING = ".Replay.Gbx"
BATCH_MAPS = 5000
"""Maps at most that are put into the game's folder before it starts; those of the most urgent captures."""

_FACTS = (
    select(
        _replays.c.file_path,
        _replays.c.sha256,
        _replays.c.map_uid,
        _maps.c.file_path.label("map_path"),
        _maps.c.uid,
        _maps.c.name,
        _maps.c.name_plain,
        _maps.c.intro_ms,
        select(func.min(_captures.c.capture_id))
        .where(_captures.c.replay_id == _replays.c.replay_id)
        .scalar_subquery()
        .label("first_capture_id"),
    )
    .select_from(_replays.outerjoin(_maps, _maps.c.track_id == _replays.c.track_id))
    .where(_replays.c.replay_id == bindparam("wanted"))
)


class Capture:
    """Captures replays."""

    name = "capture"
    table = _captures
    key: Column[Any] = _captures.c.capture_id
    group: Column[Any] | None = _captures.c.track_id
    needs: tuple[NamedColumn[Any], ...] = (
        _captures.c.replay_id,
        _captures.c.track_id,
        _captures.c.settings,
        _captures.c.folder_path,
    )

    def __init__(self, tools: Tools) -> None:
        if tools.games is None:
            raise BadInput("captures need a game: `tmxdb work --kind capture`.", code="input.no_game")
        self._tools = tools
        self._games: Games = tools.games

    def at_most(self, n: int) -> int:
        """A thread for each game."""
        return min(n, self._games.number)

    def prepare(self, connection: Connection) -> None:
        """Nothing: `tmxdb add-captures` asks for captures."""

    def run(self, job: Job) -> Outcome:
        """The frames on disk, whole, with manifest and metadata."""
        replay_id, track_id = job.row["replay_id"], job.row["track_id"]
        item = f"capture {job.item_id} (replay {replay_id}, track {track_id})"
        settings = self._settings(job, item)
        facts = self._facts(replay_id, item)
        name = _stem(facts.file_path)
        path = job.row["folder_path"] or folder_path(
            track_id, name, job.row["settings"], is_first=facts.first_capture_id == job.item_id
        )
        there = whole(self._tools.storage, path, replay_id, settings)
        if there is not None:
            return _done(path, there)
        wanted = self._wanted(job, facts, settings, name, item)
        return self._captured(job, path, wanted, facts, item)

    def _captured(self, job: Job, path: str, wanted: Wanted, facts: Any, item: str) -> Done:
        settings = wanted.settings
        dataset = Dataset(self._tools.storage, path, settings, owner=self._tools.worker_id)
        try:
            encoder = Encoder(dataset, settings, wall_clock)
            try:
                with self._games.one_for(wanted.map_key) as station:
                    driven = _driven(station, wanted, encoder, item)
                    encoder.finish()
            finally:
                encoder.close()
            if not driven.frames:
                raise GameTrouble(f"{item}: the game gave not one picture whose tick is known.", code="game.no_frames")
            metadata = self._metadata(job, driven, wanted, facts)
            dataset.publish(metadata)
        finally:
            dataset.discard()
        return _done(path, {
            "total_frames": metadata.total_frames,
            "frames_missed": metadata.frames_missed,
            "race_finished": metadata.race_finished,
            "actual_race_time_ms": metadata.actual_race_time_ms,
            "time_matches": metadata.time_matches,
        })  # fmt: skip

    def _metadata(self, job: Job, driven: Driven, wanted: Wanted, facts: Any) -> Metadata:
        is_ghost = wanted.settings.drive == "ghost"
        finish_ms = None if is_ghost else driven.finish_ms
        unknown = is_ghost or driven.ended_unseen
        return Metadata(
            track_id=job.row["track_id"],
            replay_id=job.row["replay_id"],
            replay_name=wanted.name,
            challenge_name=facts.name,
            map_uid=facts.uid,
            race_time_ms=wanted.run.race_time_ms,
            actual_race_time_ms=finish_ms,
            race_finished=finish_ms is not None,
            time_matches=None if unknown else finish_ms == wanted.run.race_time_ms,
            total_frames=driven.frames,
            frames_missed=driven.missed,
            frames_late=driven.late,
            frames_dropped=driven.dropped,
            inputs_match=driven.inputs_match,
            restarts=driven.restarts,
            tmxdb_version=__version__,
            tminterface_version=None,  # no driver is told it
            driver=self._games.driver,
            captured_at_ms=wall_clock(),
        )

    def _settings(self, job: Job, item: str) -> CaptureSettings:
        try:
            return settings_of(job.row["settings"])
        except BadInput as error:  # of this row only: the run goes on
            raise NeverAgain(f"{item}: {error}", code="capture.settings") from None

    def _facts(self, replay_id: int, item: str) -> Any:
        with self._tools.database.read() as connection:
            facts = connection.execute(_FACTS, {"wanted": replay_id}).first()
        if facts is None or facts.file_path is None:
            raise TryLater(f"{item}: its replay is not downloaded.", code="capture.no_replay")
        if facts.map_path is None or facts.uid is None:
            raise TryLater(f"{item}: the map of its track is not there; `tmxdb work --kind extract`.",
                           code="capture.no_map")  # fmt: skip
        if facts.map_uid != facts.uid:
            raise NeverAgain(f"{item}: it was driven on another version of the map than the one that is there.",
                             code="capture.other_map")  # fmt: skip
        return facts

    def _wanted(self, job: Job, facts: Any, settings: CaptureSettings, name: str, item: str) -> Wanted:
        storage = self._tools.storage
        replay, map_data = storage.read(facts.file_path), storage.read(facts.map_path)
        if replay is None or map_data is None:
            gone = facts.file_path if replay is None else facts.map_path
            raise TryLater(f"{item}: {gone} is not there any more; `tmxdb verify --mend`.", code="capture.no_replay")
        read = self._tools.options.reader.replay(replay)
        return Wanted(
            run=run_of(read, item, offset_ms=settings.input_time_offset_ms),
            settings=settings,
            name=name,
            map_key=map_key(job.row["track_id"], facts.uid),
            map_data=map_data,
            map_name=facts.name_plain or "",
            intro_ms=facts.intro_ms or 0,
            replay=replay,
        )


def map_key(track_id: int, uid: str) -> str:
    """The name of a track's map in the game's folder: another version of the map has another one."""
    return f"{track_id}-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def waiting_maps(tools: Tools) -> Mapping[str, Callable[[], bytes | None]]:
    """The maps of the captures that are still to be made, by their names in the game's folder."""
    query = (
        select(_maps.c.track_id, _maps.c.uid, _maps.c.file_path)
        .join(_captures, _captures.c.track_id == _maps.c.track_id)
        .where(_captures.c.status.in_(("pending", "running", "retry")), _maps.c.status == "done")
        .group_by(_maps.c.track_id, _maps.c.uid, _maps.c.file_path)
        .order_by(func.min(_captures.c.priority), _maps.c.track_id)
        .limit(BATCH_MAPS)
    )
    with tools.database.read() as connection:
        rows = connection.execute(query).fetchall()

    def reading(path: str) -> Callable[[], bytes | None]:
        return lambda: tools.storage.read(path)

    return {map_key(track_id, uid): reading(path) for track_id, uid, path in rows if uid and path}


def _driven(station: Station, wanted: Wanted, encoder: Encoder, item: str) -> Driven:
    result = station.drive(wanted, encoder)
    if isinstance(result, Failed):
        raise GameTrouble(f"{item}: {result.message.rstrip('.')}.", code=result.code)
    return result


def _done(path: str, metadata: Mapping[str, Any]) -> Done:
    return Done(
        {
            "folder_path": path,
            "frame_count": metadata["total_frames"],
            "frames_missed": metadata["frames_missed"],
            "race_finished": metadata["race_finished"],
            "actual_race_time_ms": metadata["actual_race_time_ms"],
            "time_matches": metadata["time_matches"],
        }
    )


def _stem(file_path: str) -> str:
    name = file_path.rpartition("/")[2]
    return name[: -len(ENDING)] if name.lower().endswith(ENDING.lower()) else name.partition(".")[0]
