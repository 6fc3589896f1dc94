"""Drives one known replay on a running game, and reports what captures would find: one result for each question."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tmxdb import __version__
from tmxdb.capture.calibration.appearance import check_colors, check_upright
from tmxdb.capture.calibration.calibrate import (
    FlowPictures,
    completed,
    measure,
    same_states,
    take_flow_pictures,
)
from tmxdb.capture.calibration.matching import LagMeasurement
from tmxdb.capture.frame_plan import MAP_LOAD_S
from tmxdb.capture.games.calibration_store import Calibration, GameFacts, find_calibration
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.output.picture_check import PictureChecker, PictureCounts
from tmxdb.capture.output.picture_lag import CERTAIN
from tmxdb.capture.race.commands import StoreFrame
from tmxdb.capture.race.driving.pace import speed_for_all
from tmxdb.capture.race.outcome import CompletedRace, RaceState
from tmxdb.errors import GameError
from tmxdb.game.check_result import CheckResult


class _WholeDrive(FlowPictures):
    """The pictures of a drive from start to finish."""

    def __init__(self) -> None:
        super().__init__()
        self._checker = PictureChecker()

    @property
    def counts(self) -> PictureCounts:
        return self._checker.counts

    def store(self, frame: StoreFrame) -> None:
        self._checker.add_frame(frame.frame, frame.state.position)
        super().store(frame)

    def discard(self) -> None:
        self._checker = PictureChecker()
        super().discard()


@dataclass
class DriveCheck:
    """The check of one game. `picture`: a picture from the middle of the drive (Pillow), for a person to look at."""

    game: GameInstance
    task: CaptureTask
    picture: Any = None

    def run(self) -> Iterator[CheckResult]:
        """Yield the results. A drive that fails is the last one."""
        try:
            yield from self._run()
        except GameError as error:
            yield CheckResult("drive", False, error.message, f"see docs/how-to/capture.md, {error.code}")

    def _run(self) -> Iterator[CheckResult]:
        task, settings = self.task, self.task.settings
        whole, times = _WholeDrive(), dict[RaceState, float]()

        def note_time(state: RaceState, detail: str) -> None:
            times.setdefault(state, time.monotonic())

        race = completed(self.game.drive(task, whole, note_time))
        facts = self.game.facts(settings, settings.running_speed)
        yield _set_up(facts, task)
        yield _load_time(times)
        yield self._finish(race)
        yield _inputs(race)
        yield _missed(race, settings.fps)
        yield _bad_pictures(race, whole.counts)
        pictures = [whole.pictures[time_ms] for time_ms in sorted(whole.pictures)]
        if not pictures:
            raise GameError("the game sent no picture whose tick is known.", code="game.no_frames")
        self.picture = pictures[len(pictures) // 2]
        yield check_upright(whole.pictures)
        yield check_colors(pictures[:: max(1, len(pictures) // 20)])
        flow = take_flow_pictures(self.game, task)
        yield _determinism(*same_states(whole.states, flow.states))
        found = measure(self.game, replace(task, settings=replace(settings, fps=100)), flow)
        yield _lag(found, find_calibration(self.game.game_folder, facts))

    def _finish(self, race: CompletedRace) -> CheckResult:
        expected_ms = self.task.run.race_time_ms
        if race.finish_ms == expected_ms:
            return CheckResult("finish", True, f"at {expected_ms:,} ms, as in the replay")
        ended = "not reached" if race.finish_ms is None else f"at {race.finish_ms:,} ms"
        fix = "one replay in ten ends at another time; try another one with --replay-id"
        return CheckResult("finish", None, f"{ended}, in the replay at {expected_ms:,} ms", fix)


def _set_up(facts: GameFacts, task: CaptureTask) -> CheckResult:
    versions = f"tmxdb {__version__}, TMInterface {facts.tminterface_version or 'of unknown version'}"
    size = f"{facts.width} x {facts.height} at {task.settings.fps} fps and speed {facts.speed:g}"
    found = f"{versions}, plugin {facts.plugin}, {size}, frames from {facts.frame_source}, {task.name}"
    return CheckResult("set-up", True, found)


def _load_time(times: dict[RaceState, float]) -> CheckResult:
    loading, ready = times.get(RaceState.LOADING), times.get(RaceState.ARMING)
    if loading is None or ready is None:
        return CheckResult("map", None, "it was loaded already")
    seconds = ready - loading
    fix = f"estimates of `tmxdb add-captures` assume {MAP_LOAD_S:g} s" if seconds > 2 * MAP_LOAD_S else None
    return CheckResult("map", None if fix else True, f"loaded in {seconds:.1f} s", fix)


def _inputs(race: CompletedRace) -> CheckResult:
    if race.inputs_match is None:
        return CheckResult("inputs", None, "the plugin does not report them", "run `tmxdb game install-plugin`")
    if race.inputs_match:
        return CheckResult("inputs", True, "those of the script")
    return CheckResult("inputs", False, "not those of the script", "see the messages above for the first differences")


def _missed(race: CompletedRace, fps: int) -> CheckResult:
    due = race.frames + race.missed
    found = f"{race.missed:,} of {due:,} due frames missed, {race.late:,} late"
    slower = speed_for_all(race.speed, race.frames, race.missed) if race.missed * 100 > due else None
    if slower is None:
        return CheckResult("frames", True, found)
    fix = f"use --running-speed {slower:g}, or `tmxdb work --adapt-speed`, or fewer frames per second than {fps}"
    return CheckResult("frames", False, found, fix)


def _bad_pictures(race: CompletedRace, counts: PictureCounts) -> CheckResult:
    bad = counts.description(race.frames)
    if bad is None:
        return CheckResult("pictures", True, "neither black nor frozen")
    return CheckResult("pictures", False, bad, "keep the game's window visible, not covered and not minimised")


def _determinism(equal: int, compared: int) -> CheckResult:
    found = f"{equal:,} of {compared:,} states are equal in two drives"
    if not compared:
        return CheckResult("determinism", None, "no state to compare")
    if equal == compared:
        return CheckResult("determinism", True, found)
    return CheckResult("determinism", False, found, "close other programs, and check that autorewind and speed are off")


def _lag(found: LagMeasurement, stored: Calibration | None) -> CheckResult:
    ticks = "1 tick" if found.lag_ticks == 1 else f"{found.lag_ticks} ticks"
    text = f"{ticks}, confidence {found.confidence:g}"
    if found.problem:
        return CheckResult("lag", None, f"not certain: {found.problem}", "run `tmxdb game calibrate` with other sizes")
    if found.lag_ticks == (0 if stored is None else stored.lag_ticks):
        text += ", as assumed" if stored is None else ", as stored"
        if found.doubt:
            fix = "run `tmxdb game calibrate` with other sizes or another replay"
            return CheckResult("lag", None, f"{text}; doubtful: {found.doubt}", fix)
        if stored is not None and stored.confidence < CERTAIN:
            fix = "run `tmxdb game calibrate` with the same options"
            return CheckResult("lag", None, f"{text} with a confidence of only {stored.confidence:g}", fix)
        return CheckResult("lag", True, text)
    known = "labels assume 0" if stored is None else f"labels use the stored {stored.lag_ticks}"
    return CheckResult("lag", False, f"{text}; {known}", "run `tmxdb game calibrate` with the same options")
