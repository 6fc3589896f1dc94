"""The game: start-up, menus, loading, intro, race, end dialog, one rendered frame after the other."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tmxdb.errors import BadInput
from tmxdb.sandbox.game.car.controls import Timeline
from tmxdb.sandbox.game.car.runs import Runs
from tmxdb.sandbox.game.car.script import read_script
from tmxdb.sandbox.game.faults import Rule
from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin.plugin import Plugin
from tmxdb.sandbox.game.settings import GameSettings
from tmxdb.sandbox.game.world.asked import Asked
from tmxdb.sandbox.game.world.console import Console
from tmxdb.sandbox.game.world.maps import LoadedMap, Maps
from tmxdb.sandbox.game.world.racing import Racing
from tmxdb.sandbox.game.world.screen import Screen
from tmxdb.sandbox.game.world.troubles import Troubles
from tmxdb.sandbox.game.world.view import View

_FRAME_S = 0.01  # 100 frames a second; at speed 1 a tick each
_IDLE_S = 0.004  # a frame in which nothing happens, where no pace is kept
_OLD_CLOCK_MS = 5000  # for steps of an old race where there was none


class Game:
    """`run` is the game's thread; `freeze`, `thaw`, `set_faults` and the journal are for others, too."""

    def __init__(self, settings: GameSettings) -> None:
        """Raises BadInput for a log or port that can not be used, WrongUsage for a fault that is none."""
        self.settings = settings
        self.troubles = Troubles(settings)
        try:
            self.journal = Journal(settings.log_file)
        except OSError as error:
            raise BadInput(f"can not write the log {settings.log_file}: {error.strerror}.") from error
        self.console = Console(self, self.journal, last_first=settings.last_command_first)
        self._plugin = Plugin(Asked(self), self.journal)
        self.racing = Racing(
            settings,
            self._plugin,
            self.console,
            self.journal,
            self.troubles.strike_race,
            lambda rule: self.troubles.suffer(rule, self._plugin),
        )
        self.view = View(settings.picture_lag_ticks)
        self._runs = Runs([Path(folder) for folder in settings.replay_folders])
        self._maps = Maps(settings.tracks, settings.user, self._runs)
        self.showing = Screen.START_UP
        self.loaded: LoadedMap | None = None
        self._map_names: list[str] = []  # asked for, not yet taken up
        self._loading: Path | None = None
        self._screen_ends_s = 0.0
        self._next_frame_s = 0.0
        self._stale_steps = 0
        self._stale_clock: Rule | None = None
        self._old_clock_ms = _OLD_CLOCK_MS
        self.greets_late = False
        self._running = True
        self.awake = threading.Event()
        self.awake.set()
        try:
            self._plugin.listen(settings.plugin_port)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise BadInput(f"can not listen on port {settings.plugin_port}: {reason}.") from error

    # For others

    @property
    def port(self) -> int:
        return self._plugin.port

    @property
    def screen(self) -> str:
        return self.showing.value

    def set_faults(self, texts: list[str]) -> None:
        """These and no others, from the next chance on; they count anew. WrongUsage for a text that is none."""
        self.troubles.set(texts)

    def freeze(self) -> None:
        self.awake.clear()

    def thaw(self) -> None:
        self.awake.set()

    def run(self) -> None:
        """Until somebody says `quit`."""
        slow = self._strike("slow-start", "")
        self._screen_ends_s = time.monotonic() + self.settings.start_ms / 1000 + (slow.seconds if slow else 0)
        self.console.run(self.settings.configstring)
        while self._running:
            self._frame()

    # One frame

    def _frame(self) -> None:
        self.awake.wait()
        self.console.run_queued()
        self._take_up_map()
        ticks = 0
        match self.showing:
            case Screen.START_UP if self._is_over():
                self._go_to_menus()
            case Screen.LOADING if self._is_over():
                self._load()
            case Screen.INTRO if self._is_over():
                self._race()
            case Screen.RACE:
                ticks = self._race_on()
        self.troubles.pass_over(self._plugin)
        if self.console.is_on("draw_game", True) and (
            self.showing is not Screen.LOADING or self.settings.renders_while_loading
        ):
            self._plugin.render()
        self._pace(ticks)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._screen_ends_s

    def _pace(self, ticks: int) -> None:
        now = time.monotonic()
        if self.settings.pace > 0:
            # What was lost while somebody held the game is not caught up.
            self._next_frame_s = max(now, self._next_frame_s + _FRAME_S / self.settings.pace)
            time.sleep(self._next_frame_s - now)
        elif ticks == 0:
            time.sleep(_IDLE_S)
        elif self._plugin.client is None:
            time.sleep(_FRAME_S)

    def _race_on(self) -> int:
        ticks = self.racing.frame()
        self.view.ticked(self.racing)
        if self._stale_steps:
            self._stale_steps = max(0, self._stale_steps - ticks)
            if not self._stale_steps and self._loading is not None:
                self._begin_loading(self._loading)
        elif self.racing.ended:
            self.showing = Screen.DIALOG
        return ticks

    # Screens

    def _go_to_menus(self) -> None:
        self.showing = Screen.MENUS
        self.loaded = None
        self.view.left_race()
        self.greets_late = True
        self._plugin.reached_menus()
        self.greets_late = False

    def _take_up_map(self) -> None:
        ready = [Screen.MENUS, Screen.RACE]
        if self.settings.commands_in_intro:
            ready += [Screen.NOTICE, Screen.INTRO]
        if not self._map_names or self.showing not in ready or self._loading is not None:
            return
        name = self._map_names.pop(0)
        path = self._maps.find(name, later_files=self.settings.sees_later_files)
        if path is None:
            self.console.say(f"could not find map {name}")
            return
        if self._strike("no-index", name):
            return
        if self._strike("wrong-map", name):
            path = self._maps.another(name) or path
        stale = self._strike("stale-steps", name)
        if stale and self.showing is Screen.RACE:
            self._loading, self._stale_steps = path, stale.count
        else:
            self._begin_loading(path)

    def _begin_loading(self, path: Path) -> None:
        self._loading = path
        self.showing = Screen.LOADING
        self._screen_ends_s = time.monotonic() + self.settings.load_ms / 1000

    def _load(self) -> None:
        path, self._loading = self._loading, None
        assert path is not None
        loaded = self._maps.load(path)
        if isinstance(loaded, str):
            self.console.say(loaded)
            self._go_to_menus()
            return
        had_race = self.loaded is not None
        self.loaded = loaded
        self.view.hud = True  # it comes back with every map
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
        self._show_what_comes_before(loaded)

    def _show_what_comes_before(self, loaded: LoadedMap) -> None:
        if self._strike("no-start", loaded.file) or not self.console.is_on("skip_map_load_screens", False):
            self.showing = Screen.NOTICE
            return
        intro = self._strike("intro", loaded.file)
        plays = self.settings.stubborn_intros or not self.console.is_on("disable_forced_camera", False)
        if intro:
            self.showing, self._screen_ends_s = Screen.INTRO, time.monotonic() + intro.seconds
        elif loaded.intro_ms is not None and plays:
            wall_s = loaded.intro_ms / 1000 / (self.settings.pace or 1.0) if loaded.intro_ms else float("inf")
            self.showing, self._screen_ends_s = Screen.INTRO, time.monotonic() + wall_s
        else:
            self._race()

    def _race(self) -> None:
        assert self.loaded is not None
        self.showing = Screen.RACE
        stale_ms = []
        if self._stale_clock is not None:
            stale_ms = [max(0, self._old_clock_ms) + 10 * n for n in range(self._stale_clock.count)]
        self.racing.begin(self.loaded, stale_ms)

    def _strike(self, name: str, map_name: str) -> Rule | None:
        return self.troubles.strike(self.journal, name, map_name)

    # What console and plugin ask

    def set_speed(self, speed: float) -> None:
        self.racing.speed = speed

    def give_up(self) -> None:
        if self.showing is Screen.RACE:
            self.racing.restart()
        elif self.showing is Screen.DIALOG and self.settings.give_up_in_dialog:
            self.showing = Screen.RACE
            self.racing.revive()

    def queue_map(self, name: str) -> None:
        self.console.say(f"map {name} queued")
        self._map_names.append(name)

    def exit_map(self) -> None:
        leavable = [Screen.RACE, Screen.DIALOG]
        if self.settings.commands_in_intro:
            leavable += [Screen.NOTICE, Screen.INTRO]
        if self.showing in leavable:
            self._loading, self._stale_steps = None, 0
            self._go_to_menus()

    def load_script(self, name: str) -> None:
        # The documentation names the variable in two ways.
        moved = self.console.variables.get("scripts_folder") or self.console.variables.get("script_folder")
        path = (Path(moved) if moved else self.settings.scripts) / name
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.console.say(f"could not load script {name}: {error}")
            return
        changes, errors = read_script(text)
        for sentence in errors:
            self.console.say(f"{name}: {sentence}")
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
