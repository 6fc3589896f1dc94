"""The games of one worker: a thread has one at a time, with its files, its driver, its process, and what it has loaded.

A track stays with its game: the next replay on the same map is driven without loading it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tmxdb.capture.course import Course
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.race import Race
from tmxdb.capture.runner import Runner, Sink
from tmxdb.capture.script import Run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import BadInput, GameTrouble, TmxdbError
from tmxdb.game.autosaves import Autosaves, recover_autosaves
from tmxdb.game.driver import Driver
from tmxdb.game.folders import GameFiles, GameFolders, sweep_leftovers
from tmxdb.game.frames.window import TITLE
from tmxdb.game.frames.window import Wanted as Window
from tmxdb.game.launch import GameProcess, LaunchSettings

DRIVERS = ("tmi2", "tmi1")
STALE_S = 3.0
"""A game that has waited so long for us is about to drop us: the link is made anew."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How games are reached here. `launch` None: they run already. `username`: whose name Autosaves carry."""

    base_port: int
    games: int
    folders: GameFolders
    records: Path
    username: str
    driver: str = "tmi2"
    window_title: str = TITLE
    launch: LaunchSettings | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One replay to be driven. `map_key`: name of the map's file, unlike for unlike maps. `replay`: its bytes."""

    run: Run
    settings: CaptureSettings
    name: str
    map_key: str
    map_data: bytes
    map_name: str
    intro_ms: int
    replay: bytes


Maps = Callable[[], Mapping[str, Callable[[], bytes | None]]]
"""The maps that captures wait for: file name -> its bytes, read when they are needed."""


class Station:
    """One game. Used by one thread at a time."""

    def __init__(self, setup: Setup, number: int, maps: Maps, note: Callable[[str], None]) -> None:
        self.port = setup.base_port + number
        self._setup, self._maps = setup, maps
        self._note = lambda text: note(text if f"port {self.port}" in text else f"the game on port {self.port}: {text}")
        self._files = GameFiles(setup.folders, str(self.port))
        self._autosaves = Autosaves(setup.folders.autosaves)
        self._process = GameProcess(setup.launch, self.port, setup.records) if setup.launch else None
        self._plain = self._driver = _driver(setup.driver, number, self.port)
        self._put: set[str] = set()  # maps that we put there
        self._knows: set[str] = set()  # those that were there when the game was started
        self.map_key: str | None = None  # loaded, over the present link
        self._left_s = 0.0

    def drive(self, wanted: Wanted, sink: Sink) -> Driven | Failed:
        """Drive one replay. Raises GameTrouble if its files or the game's process are in the way."""
        settings, is_ghost = wanted.settings, wanted.settings.drive == "ghost"
        self._choose_driver(settings)
        returns = self.map_key == wanted.map_key and not is_ghost and time.monotonic() - self._left_s < STALE_S
        map_name = self._files.put_map(wanted.map_key, wanted.map_data)
        self._put.add(wanted.map_key)
        if not returns:
            self._leave()
            self._lend(wanted, is_ghost)
        started = self._start(wanted.map_key)
        script = None if is_ghost else self._files.put_script(wanted.name, wanted.run.script)
        course = Course(wanted.run, map_name, script, settings, wanted.intro_ms)
        race = Race(course, map_is_loaded=returns, can_restart=self._process is not None, just_started=started)
        self.map_key = None
        runner = Runner(race, self._driver, sink, restart=self._restart, note=self._note)
        result = runner.play()
        if isinstance(result, Driven) and runner.link_is_open:
            self.map_key, self._left_s = wanted.map_key, time.monotonic()
        return result

    def close(self) -> None:
        """Let go of the game, end it if we started it, and take our files away."""
        with suppress(TmxdbError):
            self._leave()
        if self._process is not None:
            with suppress(TmxdbError):
                self._process.stop()
        with suppress(OSError, TmxdbError):
            self._files.sweep()

    def _leave(self) -> None:
        self._driver.close()
        self.map_key = None
        self._autosaves.give_back()

    def _lend(self, wanted: Wanted, is_ghost: bool) -> None:
        """The ghost of the replay where the game looks for it, or none: another car would be in the picture."""
        if is_ghost:
            self._autosaves.put(self._setup.username, wanted.map_name, wanted.replay)
        else:
            self._autosaves.hide(wanted.map_name, self._setup.username)

    def _start(self, map_key: str) -> bool:
        """Have the game run, with this map known to it; answers whether it was started just now."""
        if self._process is None:
            return False
        if self._process.running() and map_key in self._knows:
            return False
        self._restart()
        return True

    def _restart(self) -> None:
        """All maps that may be needed first: the game looks through its folders only when it starts."""
        if self._process is None:
            return
        self._process.stop()
        self.put_maps()
        self._knows |= self._put
        self._process.start()

    def put_maps(self) -> int:
        """Put all maps that captures wait for where the game finds them; answers how many that are."""
        for key, read in self._maps().items():
            data = read()
            if data is not None:
                self._files.put_map(key, data)
                self._put.add(key)
        return len(self._put)

    def _choose_driver(self, settings: CaptureSettings) -> None:
        """The same one as before, if its pictures come from where these shall: it knows what the game waits for."""
        from tmxdb.game.frames.screen import ScreenDriver

        of_screen = settings.frame_source == "screen"
        if not of_screen and self._setup.driver == "tmi1":
            raise BadInput(
                "TMInterface 1.4 gives no pictures of its own: these captures need TMInterface 2 (--driver tmi2), or"
                " `tmxdb add-captures --frame-source screen`.",
                code="input.frame_source",
            )
        if of_screen != isinstance(self._driver, ScreenDriver):
            self._leave()
            self._driver = ScreenDriver(self._plain, self._window) if of_screen else self._plain

    def _window(self) -> Window:
        pid = self._process.pid if self._process is not None else None
        return Window(self._setup.window_title, pid)


class Games:
    """As many as there are threads. `close` at the end, whatever happens."""

    def __init__(self, setup: Setup, maps: Maps, note: Callable[[str], None]) -> None:
        recover_autosaves(setup.folders.autosaves)
        sweep_leftovers(setup.folders)
        self._setup = setup
        self._stations = [Station(setup, number, maps, note) for number in range(setup.games)]
        self._free = list(self._stations)
        self._lock = threading.Lock()
        if setup.launch is None and (maps_there := self._stations[0].put_maps()):
            note(
                f"{maps_there:,} maps are in {setup.folders.maps} now. A game that was started before may not know"
                " them: if a map does not begin, start the game anew while this runs."
            )

    @property
    def number(self) -> int:
        """How many games there are."""
        return len(self._stations)

    @property
    def driver(self) -> str:
        """How they are spoken to: one of DRIVERS."""
        return self._setup.driver

    @contextmanager
    def one_for(self, map_key: str) -> Iterator[Station]:
        """A game that nobody else has meanwhile: the one with this map, if there is one."""
        with self._lock:
            if not self._free:
                raise GameTrouble("all games are in use", code="game.none_free")
            station = next((one for one in self._free if one.map_key == map_key), None)
            station = station or next((one for one in self._free if one.map_key is None), self._free[0])
            self._free.remove(station)
        try:
            yield station
        finally:
            with self._lock:
                self._free.append(station)
                self._free.sort(key=lambda one: one.port)

    def close(self) -> None:
        """Leave every game as it was."""
        for station in self._stations:
            station.close()


def _driver(name: str, number: int, port: int) -> Driver:
    if name == "tmi1":
        from tmxdb.game.memory_driver import MemoryDriver

        return MemoryDriver(number)
    from tmxdb.game.socket_driver import SocketDriver

    return SocketDriver(port)
