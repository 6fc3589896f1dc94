"""One game with its files, driver, process and loaded map, which drives one replay after the other.

A track stays with its game: the next replay on the same map is driven without loading the map again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from tmxdb.capture.games.calibration_store import Calibration, GameFacts, find_calibration, lag_warning
from tmxdb.capture.games.driving_maps import DrivingMaps
from tmxdb.capture.games.setup import GameSetup, MapReaders
from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race.driving.drive import Drive
from tmxdb.capture.race.outcome import CompletedRace, FailedRace, RaceState
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.capture.race.runner import FrameSink, Runner
from tmxdb.capture.race.state_machine import Race
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameError, InvalidInput, TmxdbError
from tmxdb.game.autosaves import Autosaves
from tmxdb.game.driver import Driver
from tmxdb.game.folders import GameFiles
from tmxdb.game.frames.game_window import GameWindow
from tmxdb.game.process.launch import GameProcess


class GameInstance:
    """One game. Used by one thread at a time."""

    stale_s: ClassVar[float] = 6.0
    """How long an idle game keeps its connection, its map and the replays that it hid in Autosaves.

    The game drops the connection soon after, and another game may need a replay of the same name.
    """
    look_s: ClassVar[float] = 1.0
    """How long to try to connect to a game that may not be running."""

    def __init__(
        self,
        setup: GameSetup,
        number: int,
        waiting_maps: MapReaders,
        note: Callable[[str], None],
        note_once: Callable[[str], None] | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.port = setup.base_port + number
        self._setup, self._waiting_maps = setup, waiting_maps
        self._note, self._note_once = note, note_once or note
        self._files = GameFiles(setup.folders, str(self.port))
        self._autosaves = Autosaves(setup.folders.autosaves)
        self._process = GameProcess(setup.launch, self.port, setup.records) if setup.launch else None
        self._plugin_driver = self._driver = _driver(setup.driver, number, self.port, is_stopping)
        self._was_running = False  # at the last look or race
        self._window = GameWindow(
            setup.window_title,
            self.port,
            lambda: self._process.pid if self._process else None,
            lambda: self._plugin_driver.capabilities().process_id,
        )
        self._maps = DrivingMaps(self._files, cut_intro=setup.cut_intro, note=self._note_once)
        self._known_maps: set[str] = set()  # copied before the game was started
        self.map_key: str | None = None  # of the map loaded over the present connection
        self._left_s = 0.0
        self._speeds: dict[tuple[object, ...], float] = {}  # at which no frame is missed, by what it depends on
        self.calibration: Calibration | None = None
        """That of the last race's labels."""
        self.clips_removed = False
        """Whether the last race was driven on a map without its clips."""
        self._version: str | None = None
        self._version_was_read = False

    def drive(
        self,
        task: CaptureTask,
        sink: FrameSink,
        on_state: Callable[[RaceState, str], None] = lambda state, detail: None,
        new_drive: Callable[[RaceSpec], Drive] | None = None,
    ) -> CompletedRace | FailedRace:
        """Drive one replay. Raise GameError if the game's files or process prevent it.

        `new_drive`: returns what handles the drive, in place of one that captures with the measured lag of pictures.
        """
        settings, is_ghost = task.settings, task.settings.drive == "ghost"
        self._choose_driver(settings)
        is_fresh = time.monotonic() - self._left_s < self.stale_s
        must_start = self._must_start(task.map_key)
        map_is_loaded = self.map_key == task.map_key and not is_ghost and is_fresh and not must_start
        driving_map = self._maps.write(task.map_key, task.map_data)
        self.clips_removed = driving_map.clips_removed
        if not map_is_loaded:
            self._disconnect()
            self._set_ghost(task, is_ghost)
        if must_start:
            self._restart()
        script = None if is_ghost else self._files.write_script(task.name, task.run.script)
        intro_ms = 0 if driving_map.clips_removed else task.intro_ms
        spec = RaceSpec(task.run, driving_map.name, script, settings, intro_ms, task.map_uid)
        race = Race(
            spec,
            map_is_loaded=map_is_loaded,
            can_restart=self._process is not None,
            just_started=must_start,
            on_state=on_state,
            speed=self._speeds.get(_pace_key(settings)),
            adapt_speed=self._setup.adapt_speed and new_drive is None,
            press_enter=self._setup.press_enter,
            new_drive=Drive if new_drive is None else lambda spec, lag: new_drive(spec),
        )
        self.map_key = None
        runner = Runner(
            race,
            self._driver,
            sink,
            restart=self._restart,
            note=self.report,
            picture_lag=lambda speed: self._picture_lag(settings, speed) if new_drive is None else 0,
            window=self._window,
        )
        self._was_running = False
        result = runner.run()
        self._was_running = isinstance(result, CompletedRace) or result.code not in ("game.unreachable", "game.gone")
        if isinstance(result, CompletedRace) and runner.is_connected:
            self.map_key, self._left_s = task.map_key, time.monotonic()
        if isinstance(result, CompletedRace) and self._setup.adapt_speed:
            self._speeds[_pace_key(settings)] = result.speed
        return result

    @property
    def address(self) -> str:
        """Where the game listens, for messages."""
        return f"127.0.0.1:{self.port}" if self._setup.driver == "tmi2" else f"{self._plugin_driver}"

    def is_running(self) -> bool:
        """Return whether the game runs; also if it will be started when it is needed.

        A game that was running before is not looked for again: a connection replaces the one that has its map loaded.
        """
        if self._process is None and not self._was_running:
            try:
                self._plugin_driver.connect(self.look_s)
            except GameError:
                return False
            self._plugin_driver.close()
        self._was_running = True
        return True

    def has_capability(self, name: str) -> bool:
        """Return whether the plugin of the running game has a capability. Raise GameError if the game says nothing.

        Before the first race: the connection replaces the one that has a map loaded.
        """
        driver = self._plugin_driver
        try:
            driver.connect(self.look_s)
            driver.wait(assumed.GREETING_S)
            return name in driver.capabilities()
        finally:
            driver.close()

    @property
    def game_folder(self) -> Path:
        """The folder of the game in the user's documents."""
        return self._setup.folders.game

    def report(self, text: str) -> None:
        """Pass on something that a person may want to know about this game."""
        self._note(text if f"port {self.port}" in text else f"Game on port {self.port}: {text.rstrip('.')}.")

    @property
    def holds_resources(self) -> bool:
        """Whether it is connected with a map loaded, or has changed files in Autosaves."""
        return self.map_key is not None or self._autosaves.holds_files

    def release_resources(self) -> None:
        """Disconnect, and restore the files in Autosaves. What fails is tried again before the next race."""
        with suppress(TmxdbError, OSError):
            self._disconnect()

    def facts(self, settings: CaptureSettings, speed: float) -> GameFacts:
        """Return what the lag of pictures may depend on. Only while connected, or after a race."""
        version = self._driver.capabilities().plugin_version
        return GameFacts(
            driver=self._setup.driver,
            plugin="tminterface" if self._setup.driver == "tmi1" else f"TmxdbLink {version}" if version else "other",
            tminterface_version=self.tminterface_version(),
            frame_source=settings.frame_source,
            width=settings.width,
            height=settings.height,
            speed=speed,
        )

    def _picture_lag(self, settings: CaptureSettings, speed: float) -> int:
        """Return the measured lag of pictures in ticks, or 0 if it was not measured."""
        facts = self.facts(settings, speed)
        self.calibration = find_calibration(self._setup.folders.game, facts)
        warning = lag_warning(facts, self.calibration)
        if warning is not None:
            self._note_once(warning)
        return 0 if self.calibration is None else self.calibration.lag_ticks

    def tminterface_version(self) -> str | None:
        """Return the version in the title of the game's window; None if it cannot be read. Reads it once."""
        if not self._version_was_read:
            from tmxdb.game.frames.desktop import read_tminterface_version

            self._version, self._version_was_read = read_tminterface_version(self._window.query()), True
        return self._version

    def close(self) -> None:
        """Disconnect, stop the game if this process started it, and remove our files from its folders."""
        with suppress(TmxdbError):
            self._disconnect()
        if self._process is not None:
            with suppress(TmxdbError):
                self._process.close()
        with suppress(OSError, TmxdbError):
            self._files.remove_files()

    def copy_maps(self) -> int:
        """Copy all maps that captures wait for to the game's folder. Return how many were not there before."""
        new = 0
        for key, read in self._waiting_maps().items():
            data = read()
            if data is not None:
                new += self._maps.write(key, data).is_new
        return new

    def _disconnect(self) -> None:
        try:
            self._driver.close()
        finally:  # the user's own replays come back in any case
            self.map_key = None
            self._autosaves.restore()

    def _set_ghost(self, task: CaptureTask, is_ghost: bool) -> None:
        """Put the replay's ghost where the game looks for one, or hide all ghosts from the picture."""
        if is_ghost:
            self._autosaves.replace(self._setup.username, task.map_name, task.replay)
        else:
            self._autosaves.hide(task.map_name, self._setup.username)

    def _must_start(self, map_key: str) -> bool:
        """Return whether the game is ours to start and does not run, or does not know this map."""
        if self._process is None:
            return False
        return not (self._process.running() and map_key in self._known_maps)

    def _restart(self) -> None:
        """Restart the game, after copying all maps: it indexes its folders only when it starts.

        docs/facts/tminterface.md#console.
        """
        if self._process is None:
            return
        self._process.stop()
        self.copy_maps()
        self._known_maps |= self._maps.copied
        self._process.start()

    def _choose_driver(self, settings: CaptureSettings) -> None:
        """Select the driver for the frame source. Keep the present one if it fits: it knows what the game waits for."""
        from tmxdb.game.frames.screen import ScreenDriver

        from_screen = settings.frame_source == "screen"
        if not from_screen and self._setup.driver == "tmi1":
            raise InvalidInput(
                "TMInterface 1.4 sends no pictures. Use TMInterface 2 (--driver tmi2) for these captures, or request"
                " them with `tmxdb add-captures --frame-source screen`.",
                code="input.frame_source",
            )
        if from_screen != isinstance(self._driver, ScreenDriver):
            self._disconnect()
            self._driver = ScreenDriver(self._plugin_driver, self._window.query) if from_screen else self._plugin_driver


def _pace_key(settings: CaptureSettings) -> tuple[object, ...]:
    return settings.fps, settings.width, settings.height, settings.frame_source, settings.running_speed


def _driver(name: str, number: int, port: int, is_stopping: Callable[[], bool]) -> Driver:
    if name == "tmi1":
        from tmxdb.game.tminterface1.memory_driver import MemoryDriver

        return MemoryDriver(number)
    from tmxdb.game.tminterface2.socket_driver import SocketDriver

    return SocketDriver(port, is_stopping=is_stopping)
