"""The game: start-up, menus, loading, intro, race and end dialog, frame by frame."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb_sandbox.game.car.controls import Timeline
from tmxdb_sandbox.game.car.recorded_runs import RecordedRuns
from tmxdb_sandbox.game.car.script import read_script
from tmxdb_sandbox.game.faults import GameFaultRule
from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin.plugin import Plugin
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.console import Console
from tmxdb_sandbox.game.world.fault_injector import FaultInjector
from tmxdb_sandbox.game.world.maps import LoadedMap, Maps
from tmxdb_sandbox.game.world.plugin_adapter import PluginAdapter
from tmxdb_sandbox.game.world.racing import Racing
from tmxdb_sandbox.game.world.screen import GameScreen
from tmxdb_sandbox.game.world.view import View

_FRAME_S = 0.01  # 100 frames a second; one tick each at speed 1
_IDLE_S = 0.004  # a frame in which nothing happens, without a pace
_OLD_CLOCK_MS = 5000  # the clock of stale steps if there was no race before


class Game:
    """`run` is the game's thread. Other threads may use `freeze`, `thaw`, `set_faults` and the journal."""

    def __init__(self, settings: GameSettings) -> None:
        """Raise InvalidInput if the log or port cannot be used, UsageError for an invalid fault."""
        self.settings = settings
        self.injector = FaultInjector(settings)
        try:
            self.journal = GameJournal(settings.log_file)
        except OSError as error:
            raise InvalidInput(
                f"{settings.log_file}: cannot write the log ({error.strerror}). Choose another --log-file."
            ) from error
        self.console = Console(self, self.journal, last_first=settings.last_command_first)
        self._plugin = Plugin(PluginAdapter(self), self.journal, settings.plugin, settings.capabilities)
        self.racing = Racing(
            settings,
            self._plugin,
            self.console,
            self.journal,
            self.injector.trigger_race,
            lambda rule: self.injector.apply(rule, self._plugin),
        )
        self.view = View(settings)
        self._runs = RecordedRuns([Path(folder) for folder in settings.replay_folders])
        self._maps = Maps(settings.tracks, settings.user, self._runs)
        self.showing = GameScreen.START_UP
        self.loaded: LoadedMap | None = None
        self._map_names: list[str] = []  # requested, not yet loading
        self._loading: Path | None = None
        self._screen_ends_s = 0.0
        self._next_frame_s = 0.0
        self._stale_steps = 0
        self._stale_clock: GameFaultRule | None = None
        self._old_clock_ms = _OLD_CLOCK_MS
        self.greets_queued = False
        self._running = True
        self.thawed = threading.Event()
        self.thawed.set()
        try:
            self._plugin.listen(settings.plugin_port)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise InvalidInput(
                f"port {settings.plugin_port}: cannot listen ({reason}). Choose another --port."
            ) from error

    # For other threads

    @property
    def port(self) -> int:
        return self._plugin.port

    @property
    def screen(self) -> str:
        return self.showing.value

    def set_faults(self, texts: list[str]) -> None:
        """Replace all faults and reset their counts. Raise UsageError for an invalid fault."""
        self.injector.set(texts)

    def freeze(self) -> None:
        self.thawed.clear()

    def thaw(self) -> None:
        self.thawed.set()

    def run(self) -> None:
        """Run until the command `quit`."""
        slow = self._strike("slow-start", "")
        self._screen_ends_s = time.monotonic() + self.settings.start_ms / 1000 + (slow.seconds if slow else 0)
        self.console.run(self.settings.configstring)
        while self._running:
            self._frame()

    # One frame

    def _frame(self) -> None:
        self.thawed.wait()
        self.console.run_queued()
        self._start_queued_map()
        ticks = 0
        match self.showing:
            case GameScreen.START_UP if self._is_over():
                self._go_to_menus()
            case GameScreen.LOADING if self._is_over():
                self._load()
            case GameScreen.INTRO if self._is_over():
                self._race()
            case GameScreen.RACE:
                ticks = self._advance_race()
        self.injector.expire(self._plugin)
        if self.console.is_on("draw_game", True) and (
            self.showing is not GameScreen.LOADING or self.settings.renders_while_loading
        ):
            self.view.rendered()
            self._plugin.render()
        self._keep_pace(ticks)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._screen_ends_s

    def _keep_pace(self, ticks: int) -> None:
        now = time.monotonic()
        if self.settings.pace > 0:
            # Time in which a client held the game is not caught up.
            self._next_frame_s = max(now, self._next_frame_s + _FRAME_S / self.settings.pace)
            time.sleep(self._next_frame_s - now)
        elif ticks == 0:
            time.sleep(_IDLE_S)
        elif self._plugin.client is None:
            time.sleep(_FRAME_S)

    def _advance_race(self) -> int:
        ticks = self.racing.frame()
        self.view.ticked(self.racing)
        if self._stale_steps:
            self._stale_steps = max(0, self._stale_steps - ticks)
            if not self._stale_steps and self._loading is not None:
                self._begin_loading(self._loading)
        elif self.racing.ended:
            self.showing = GameScreen.DIALOG
        return ticks

    # Screens

    def _go_to_menus(self) -> None:
        self.showing = GameScreen.MENUS
        self.loaded = None
        self.view.left_race()
        self.greets_queued = True
        self._plugin.reached_menus()
        self.greets_queued = False

    def _start_queued_map(self) -> None:
        screens = [GameScreen.MENUS, GameScreen.RACE]
        if self.settings.commands_in_intro:
            screens += [GameScreen.NOTICE, GameScreen.INTRO]
        if not self._map_names or self.showing not in screens or self._loading is not None:
            return
        name = self._map_names.pop(0)
        path = self._maps.find(name, later_files=self.settings.sees_later_files)
        if path is None:
            self.console.print_line(f"could not find map {name}")
            return
        if self._strike("no-index", name):
            return
        if self._strike("wrong-map", name):
            path = self._maps.next_map(name) or path
        stale = self._strike("stale-steps", name)
        if stale and self.showing is GameScreen.RACE:
            self._loading, self._stale_steps = path, stale.count
        else:
            self._begin_loading(path)

    def _begin_loading(self, path: Path) -> None:
        self._loading = path
        self.showing = GameScreen.LOADING
        self._screen_ends_s = time.monotonic() + self.settings.load_ms / 1000

    def _load(self) -> None:
        path, self._loading = self._loading, None
        assert path is not None
        loaded = self._maps.load(path)
        if isinstance(loaded, str):
            self.console.print_line(loaded)
            self._go_to_menus()
            return
        had_race = self.loaded is not None
        self.loaded = loaded
        self.view.hud = True  # shown again with every map
        self.view.left_race()
        self.journal.note(
            "map",
            file=loaded.file,
            name=loaded.course.name,
            uid=loaded.course.uid,
            runs=[run.name for run in loaded.course.runs],
            ghosts=[run.name for run in loaded.ghosts],
        )
        self._stale_clock = self._strike("stale-clock", loaded.file)
        self._old_clock_ms = self.racing.race.race_time_ms if had_race else _OLD_CLOCK_MS
        self._show_screens_before(loaded)

    def _show_screens_before(self, loaded: LoadedMap) -> None:
        if self._strike("no-start", loaded.file) or not self.console.is_on("skip_map_load_screens", False):
            self.showing = GameScreen.NOTICE
            return
        intro = self._strike("intro", loaded.file)
        plays = self.settings.stubborn_intros or not self.console.is_on("disable_forced_camera", False)
        if intro:
            self.showing, self._screen_ends_s = GameScreen.INTRO, time.monotonic() + intro.seconds
        elif loaded.intro_ms is not None and plays:
            wall_s = loaded.intro_ms / 1000 / (self.settings.pace or 1.0) if loaded.intro_ms else float("inf")
            self.showing, self._screen_ends_s = GameScreen.INTRO, time.monotonic() + wall_s
        else:
            self._race()

    def _race(self) -> None:
        assert self.loaded is not None
        self.showing = GameScreen.RACE
        stale_ms = []
        if self._stale_clock is not None:
            stale_ms = [max(0, self._old_clock_ms) + 10 * n for n in range(self._stale_clock.count)]
        self.racing.begin(self.loaded, stale_ms)

    def _strike(self, name: str, map_name: str) -> GameFaultRule | None:
        return self.injector.trigger(self.journal, name, map_name)

    # Commands of the console and the plugin

    def set_speed(self, speed: float) -> None:
        self.racing.speed = speed

    def give_up(self) -> None:
        if self.showing is GameScreen.RACE:
            self.racing.restart()
        elif self.showing is GameScreen.DIALOG and self.settings.give_up_in_dialog:
            self.showing = GameScreen.RACE
            self.racing.revive()

    def queue_map(self, name: str) -> None:
        self.console.print_line(f"map {name} queued")
        self._map_names.append(name)

    def exit_map(self) -> None:
        screens = [GameScreen.RACE, GameScreen.DIALOG]
        if self.settings.commands_in_intro:
            screens += [GameScreen.NOTICE, GameScreen.INTRO]
        if self.showing in screens:
            self._loading, self._stale_steps = None, 0
            self._go_to_menus()

    def load_script(self, name: str) -> None:
        # The documentation has two names for the variable.
        folder = self.console.variables.get("scripts_folder") or self.console.variables.get("script_folder")
        path = (Path(folder) if folder else self.settings.scripts) / name
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.console.print_line(f"could not load script {name}: {error}")
            return
        changes, errors = read_script(text)
        for message in errors:
            self.console.print_line(f"{name}: {message}")
        self.racing.script = Timeline(changes)
        self.journal.note("script", file=name, changes=len(changes), errors=len(errors))

    def unload_script(self) -> None:
        self.racing.script = None

    def press_key(self, key: str) -> None:
        if key == "delete":
            self.give_up()

    def set_camera(self, number: int) -> None:
        self.view.camera = number

    def quit(self) -> None:
        self._running = False
