"""The games of one worker. A thread uses one at a time, preferably one that has loaded the map of its replay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tmxdb.capture.games.absent import AbsentGames
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.leftovers import restore_folders
from tmxdb.capture.games.missed_frames import MissedFrames
from tmxdb.capture.games.setup import GameSetup, MapReaders
from tmxdb.capture.race.outcome import CompletedRace
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import TmxdbError
from tmxdb.game.folders import GameFolders
from tmxdb.game.kept_maps import keep_maps
from tmxdb.game.locks.port_lock import PortLock

POLL_S = 0.5
MAX_WAIT_S = 30.0
"""How long a capture waits for a game before its row is released, so that the worker can end or turn to other rows."""
BETWEEN_RACES_S = 2.0
"""How long a game may be free between two captures of a thread without another thread taking it."""


class GamePool:
    """One game per thread. Call `close` at the end, whatever happens.

    `stop`: while it is set, captures do not wait for a game that is not running.
    """

    def __init__(
        self,
        setup: GameSetup,
        waiting_maps: MapReaders,
        note: Callable[[str], None],
        stop: threading.Event | None = None,
    ) -> None:
        self._setup = setup
        self._stop = stop or threading.Event()
        self._locks = [PortLock(setup.folders.game, setup.base_port + number) for number in range(setup.games)]
        self._lock_ports()
        self._waiting_maps = waiting_maps
        restore_folders(setup.folders, setup.data_folder, waiting_maps().keys(), note)
        self._note, self._noted = note, set[str]()
        self._missed_frames = MissedFrames()
        self._instances = [
            GameInstance(setup, number, waiting_maps, note, self._note_once, self._stop.is_set)
            for number in range(setup.games)
        ]
        self._absent = AbsentGames(self._instances, setup.when_absent, note)
        self._used_s = dict.fromkeys((one.port for one in self._instances), 0.0)  # until when
        self._free = list(self._instances)
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._timers: dict[int, threading.Timer] = {}
        if setup.launch is None and (copied := self._instances[0].copy_maps()):
            maps = "1 map was" if copied == 1 else f"{copied:,} maps were"
            note(
                f"{maps} copied to {setup.folders.maps}. A game that is already running may not know new maps: if"
                " one does not start, restart the game while this command runs."
            )

    @property
    def size(self) -> int:
        """How many games there are."""
        return len(self._instances)

    @property
    def folders(self) -> GameFolders:
        """The folders that the games share."""
        return self._setup.folders

    @property
    def driver(self) -> str:
        """How the games are reached: one of DRIVERS."""
        return self._setup.driver

    def count_missed(self, settings: CaptureSettings, race: CompletedRace) -> None:
        """Count the missed frames of a capture."""
        if race.missed:
            self._missed_frames.add(settings.fps, race.speed, race.frames, race.missed)

    @property
    def missed_frames(self) -> str | None:
        """What was missed in all captures so far, and what to do about it."""
        return self._missed_frames.summary(adapts=self._setup.adapt_speed)

    @contextmanager
    def acquire(self, map_key: str) -> Iterator[GameInstance]:
        """Reserve a free game that is running. Wait for one, but not longer than MAX_WAIT_S. Raise TmxdbError.

        Preferably one that has this map loaded, then one without a map, then the one that this thread had before:
        another thread may be about to drive the next replay of its track on any of the others.
        """
        instance = self._reserve(map_key)
        try:
            yield instance
        finally:
            self._used_s[instance.port] = time.monotonic()
            self._put_back(instance)

    def close(self) -> None:
        """Leave every game as it was."""
        with self._lock:
            timers = list(self._timers.values())
        for timer in timers:
            timer.cancel()
            timer.join()
        with suppress(TmxdbError):  # the database is gone: the maps of the last time stay
            self._keep_open_maps()
        for instance in self._instances:
            instance.close()
        for lock in self._locks:
            lock.release()

    def _reserve(self, map_key: str) -> GameInstance:
        deadline_s, has_waited = time.monotonic() + MAX_WAIT_S, False
        while True:
            instance = self._take_free(map_key, has_waited=has_waited)
            if instance is None:
                self._absent.report()
                if time.monotonic() > deadline_s or self._stop.wait(POLL_S):
                    raise self._absent.waiting()
                has_waited = True
            elif self._absent.look(instance):
                self._absent.report()  # here too: if captures are short, none may ever wait for a game
                self._of_thread.instance = instance
                return instance
            else:
                self._put_back(instance)

    def _take_free(self, map_key: str, *, has_waited: bool) -> GameInstance | None:
        """Take the best free game that was running at the last look; if there is none, one to look for again."""
        with self._lock:
            free = [one for one in self._free if one not in self._absent]
            if has_waited:  # in place of a game that is not running: leave the others to the threads that use them
                before_s = time.monotonic() - BETWEEN_RACES_S
                free = [one for one in free if self._used_s[one.port] < before_s]
            if not free:
                free = [one for one in self._free if one in self._absent and self._absent.is_due(one)][:1]
            if not free:
                return None
            instance = next((one for one in free if one.map_key == map_key), None)
            instance = instance or next((one for one in free if one.map_key is None), None)
            own: GameInstance | None = getattr(self._of_thread, "instance", None)
            instance = instance or (own if own in free else free[0])
            self._take(instance)
            return instance

    def _note_once(self, text: str) -> None:
        """Pass on a note, but not twice, whichever game it comes from."""
        with self._lock:
            if text in self._noted:
                return
            self._noted.add(text)
        self._note(text)

    def _take(self, instance: GameInstance) -> None:
        """Remove an instance from the free ones. The caller holds the lock."""
        self._free.remove(instance)
        timer = self._timers.pop(instance.port, None)
        if timer is not None:
            timer.cancel()

    def _put_back(self, instance: GameInstance) -> None:
        with self._lock:
            self._free.append(instance)
            self._free.sort(key=lambda one: one.port)
            if instance.holds_resources:
                timer = threading.Timer(instance.stale_s, self._release_idle, [instance])
                timer.daemon = True
                self._timers[instance.port] = timer
                timer.start()

    def _release_idle(self, instance: GameInstance) -> None:
        """Release the resources of an instance that has been idle for `stale_s`: another game may wait for them."""
        with self._lock:
            if self._timers.get(instance.port) is not threading.current_thread() or instance not in self._free:
                return
            self._take(instance)
        try:
            instance.release_resources()
        finally:  # else the game would never be free again
            self._put_back(instance)

    def _keep_open_maps(self) -> None:
        """Keep the maps of captures that are still to be made: a running game would have to be restarted for copies."""
        if self._setup.data_folder is not None:
            keep_maps(self._setup.folders.maps, self._setup.data_folder, self._waiting_maps().keys())

    def _lock_ports(self) -> None:
        """Reserve all ports. Raise InvalidInput if another worker uses one of them."""
        try:
            for lock in self._locks:
                lock.acquire()
        except TmxdbError:
            for lock in self._locks:
                lock.release()
            raise
