"""The kind `capture`: drive a replay in the game again and store frames with inputs and states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, bindparam, func, select
from sqlalchemy.sql.elements import NamedColumn

from tmxdb import __version__
from tmxdb.capture.games.calibration_store import Calibration
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.pool import GamePool
from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.map_starts import CODE as MAP_DID_NOT_START
from tmxdb.capture.map_starts import MapStarts
from tmxdb.capture.output.encoder import Encoder
from tmxdb.capture.output.folder import CaptureFolder, folder_path, read_complete, replay_in
from tmxdb.capture.output.manifest import CaptureMetadata
from tmxdb.capture.output.picture_check import PictureCounts
from tmxdb.capture.race.outcome import CompletedRace, FailedRace, RaceState
from tmxdb.capture.replay_script import scripted_run
from tmxdb.capture.settings import CaptureSettings, parse_settings
from tmxdb.clock import wall_clock
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, table_of
from tmxdb.errors import GameError, InvalidInput, PermanentError, RetryLater
from tmxdb.events import CaptureStateChanged
from tmxdb.kinds.captures.maps import map_key
from tmxdb.kinds.context import JobContext
from tmxdb.queue.job import ClaimLost, Done, Job, Outcome
from tmxdb.storage import id_name

_captures, _replays, _maps = table_of(CaptureRow), table_of(ReplayRow), table_of(MapRow)
EXTENSION = ".Replay.Gbx"


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
    .where(_replays.c.replay_id == bindparam("replay_id"))
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

    def __init__(self, context: JobContext) -> None:
        if context.games is None:
            raise InvalidInput("captures need a game. Run `tmxdb work --kind capture`.", code="input.no_game")
        self._context = context
        self._games: GamePool = context.games
        self._map_starts = MapStarts()

    def at_most(self, n: int) -> int:
        """Return how many of `n` jobs may run: one for each game."""
        return min(n, self._games.size)

    def prepare(self, connection: Connection) -> None:
        """Do nothing: captures are requested with `tmxdb add-captures`."""

    def run(self, job: Job) -> Outcome:
        """Capture one replay, or adopt a folder that is already complete."""
        item = _item(job)
        settings, facts, path = self._plan(job, item)
        existing = read_complete(self._context.storage, path, job.row["replay_id"], settings)
        if existing is not None:
            return _done(path, existing)
        task = self._task(job, facts, settings, _stem(facts.file_path), item)
        return self._capture(job, path, task, facts, item)

    def adopt(self, job: Job) -> Outcome | None:
        """Return the outcome for a folder that is already complete."""
        settings, _, path = self._plan(job, _item(job))
        existing = read_complete(self._context.storage, path, job.row["replay_id"], settings)
        return None if existing is None else _done(path, existing)

    def _plan(self, job: Job, item: str) -> tuple[CaptureSettings, Any, str]:
        """Return the settings, the facts of the replay and the folder of the frames."""
        settings, facts = self._settings(job, item), self._facts(job.row["replay_id"], item)
        path = job.row["folder_path"]
        if path and replay_in(self._context.storage.absolute(path)) in (None, job.row["replay_id"]):
            return settings, facts, path  # kept; earlier versions could give one folder to two replays
        path = folder_path(
            job.row["track_id"],
            job.row["replay_id"],
            _stem(facts.file_path),
            job.row["settings"],
            is_first=facts.first_capture_id == job.item_id,
        )
        return settings, facts, path

    def _capture(self, job: Job, path: str, task: CaptureTask, facts: Any, item: str) -> Done:
        settings = task.settings
        self._map_starts.check(task.map_key, job.item_id, item, time.monotonic())
        folder = CaptureFolder(
            self._context.storage, path, settings, owner=self._context.worker_id, replay_id=job.row["replay_id"]
        )
        try:
            encoder = Encoder(folder, settings, wall_clock)
            try:
                with self._games.acquire(task.map_key) as game:
                    race = self._drive(job, game, task, encoder, item)
                    encoder.finish()
                    self._check_pictures(game, race, encoder.picture_counts, item)
                    version, calibration = game.tminterface_version(), game.calibration
                    clips_removed = game.clips_removed
            finally:
                encoder.close()
            if not race.frames:
                raise GameError(f"{item}: the game sent no picture whose tick is known.", code="game.no_frames")
            metadata = replace(
                self._metadata(job, race, encoder.picture_counts, task, facts, version, calibration),
                map_clips_removed=clips_removed,
                telemetry=folder.add_telemetry(encoder.telemetry),
            )
            self._games.count_missed(settings, race)
            folder.publish(metadata, lambda: self._check_claim(job))
        finally:
            folder.discard()
        return _done(path, asdict(metadata))

    def _check_claim(self, job: Job) -> None:
        if self._context.held_claims([(_captures, job)]) != [True]:
            raise ClaimLost(job)

    def _drive(self, job: Job, game: GameInstance, task: CaptureTask, encoder: Encoder, item: str) -> CompletedRace:
        result = game.drive(task, encoder, partial(self._state_changed, job.item_id))
        if not isinstance(result, FailedRace):
            self._map_starts.started(task.map_key)
        elif result.code == MAP_DID_NOT_START:
            self._map_starts.failed(task.map_key, job.item_id, time.monotonic())
            if self._context.options.stuck_maps is not None:
                self._context.options.stuck_maps.add(job.row["track_id"], task.map_name)
        if isinstance(result, FailedRace):
            raise GameError(f"{item}: {result.message.rstrip('.')}.", code=result.code)
        return result

    def _state_changed(self, capture_id: int, state: RaceState, map_name: str) -> None:
        self._context.events.emit(CaptureStateChanged(capture_id, state.name.lower(), map_name))

    def _check_pictures(self, game: GameInstance, race: CompletedRace, counts: PictureCounts, item: str) -> None:
        """Warn about black and frozen pictures. Raise GameError with --strict."""
        warning = counts.warning(race.frames)
        if warning is None:
            return
        if self._context.options.strict_pictures:
            raise GameError(f"{item}: {warning}", code="game.bad_pictures")
        game.report(f"{item}: {warning}")

    def _metadata(
        self,
        job: Job,
        race: CompletedRace,
        counts: PictureCounts,
        task: CaptureTask,
        facts: Any,
        version: str | None,
        calibration: Calibration | None,
    ) -> CaptureMetadata:
        is_ghost = task.settings.drive == "ghost"
        finish_ms = None if is_ghost else race.finish_ms
        unknown = is_ghost or race.finish_unreported
        return CaptureMetadata(
            track_id=job.row["track_id"],
            replay_id=job.row["replay_id"],
            replay_name=task.name,
            challenge_name=facts.name,
            map_uid=facts.uid,
            race_time_ms=task.run.race_time_ms,
            actual_race_time_ms=finish_ms,
            race_finished=finish_ms is not None,
            time_matches=None if unknown else finish_ms == task.run.race_time_ms,
            total_frames=race.frames,
            frames_missed=race.missed,
            frames_late=race.late,
            frames_dropped=race.dropped,
            inputs_match=race.inputs_match,
            restarts=race.restarts,
            tmxdb_version=__version__,
            tminterface_version=version,
            driver=self._games.driver,
            captured_at_ms=wall_clock(),
            speed=race.speed,
            frames_black=counts.black,
            frames_frozen=counts.frozen,
            picture_lag_ticks=race.lag_ticks,
            picture_lag_method=calibration.method if calibration else "assumed",
            picture_lag_confidence=calibration.confidence if calibration else None,
        )

    def _settings(self, job: Job, item: str) -> CaptureSettings:
        try:
            return parse_settings(job.row["settings"])
        except InvalidInput as error:  # of this row only: the run continues
            raise PermanentError(f"{item}: {error}", code="capture.settings") from None

    def _facts(self, replay_id: int, item: str) -> Any:
        with self._context.database.read() as connection:
            facts = connection.execute(_FACTS, {"replay_id": replay_id}).first()
        if facts is None or facts.file_path is None:
            raise RetryLater(
                f"{item}: its replay is not downloaded. Run `tmxdb work --kind download`.", code="capture.no_replay"
            )
        if facts.map_path is None or facts.uid is None:
            raise RetryLater(
                f"{item}: the map of its track is missing. Run `tmxdb work --kind extract`.", code="capture.no_map"
            )
        if facts.map_uid != facts.uid:
            raise PermanentError(
                f"{item}: the replay was driven on another version of the map than the stored one.",
                code="capture.other_map",
            )
        return facts

    def _task(self, job: Job, facts: Any, settings: CaptureSettings, name: str, item: str) -> CaptureTask:
        storage = self._context.storage
        replay, map_data = storage.read(facts.file_path), storage.read(facts.map_path)
        if replay is None or map_data is None:
            missing = facts.file_path if replay is None else facts.map_path
            raise RetryLater(
                f"{item}: {missing} no longer exists. Run `tmxdb verify --repair`, then the same command again.",
                code="capture.no_replay",
            )
        parsed = self._context.options.reader.replay(replay)
        return CaptureTask(
            run=scripted_run(
                parsed,
                item,
                offset_ms=settings.input_time_offset_ms,
                respawn_key=settings.respawn_action,
                respawn_after_cp_ms=settings.respawn_after_cp_ms,
            ),
            settings=settings,
            name=name,
            map_key=map_key(job.row["track_id"], facts.uid),
            map_data=map_data,
            map_name=facts.name_plain or "",
            intro_ms=facts.intro_ms or 0,
            replay=replay,
            map_uid=facts.uid,
        )


def _item(job: Job) -> str:
    replay, track = id_name(job.row["replay_id"]), id_name(job.row["track_id"])
    return f"capture {job.item_id} (replay {replay}, track {track})"


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
    return name[: -len(EXTENSION)] if name.lower().endswith(EXTENSION.lower()) else name.partition(".")[0]
