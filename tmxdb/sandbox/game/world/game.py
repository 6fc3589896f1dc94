"""The game: start-up, menus, loading, intro, race, end dialog, one rendered frame after the other."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from enum import Enum
from pathlib import Path

from tmxdb.errors import BadInput
from tmxdb.sandbox.game.car.controls import Timeline
from tmxdb.sandbox.game.car.runs import Runs
from tmxdb.sandbox.game.car.script import read_script
from tmxdb.sandbox.game.car.state import FIXED_BYTES, race_time_of, state_bytes
from tmxdb.sandbox.game.faults import FaultPlan, Rule
from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin.obeying import ScriptError
from tmxdb.sandbox.game.plugin.plugin import Plugin
from tmxdb.sandbox.game.settings import GameSettings
from tmxdb.sandbox.game.world.console import Console
from tmxdb.sandbox.game.world.maps import LoadedMap, Maps
from tmxdb.sandbox.game.world.racing import Racing
from tmxdb.sandbox.game.world.view import View

_FRAME_S = 0.01  # 100 frames a second; at speed 1 a tick each
_IDLE_S = 0.004  # a frame in which nothing happens, where no pace is kept
_OLD_CLOCK_MS = 5000  # for steps of an old race where there was none


class Screen(Enum):
    """What the game shows; `in menus?` is true for MENUS only."""

    START_UP = "starting"
    MENUS = "menus"
    LOADING = "loading"
    NOTICE = "press a key"
    INTRO = "intro"
    RACE = "race"
    DIALOG = "end"


class Game:
    """`run` is the game's thread; `freeze`, `thaw`, `set_faults` and the journal are for others, too."""

    def __init__(self, settings: GameSettings) -> None:
        """Raises BadInput for a log or port that can not be used, WrongUsage for a fault that is none."""
        self._settings = settings
        self.set_faults(settings.faults)
        try:
            self.journal = Journal(settings.log_file)
        except OSError as error:
            raise BadInput(f"can not write the log {settings.log_file}: {error.strerror}.") from error
        self._console = Console(self, self.journal, last_first=settings.last_command_first)
        self._plugin = Plugin(self, self.journal)
        self._racing = Racing(
            settings,
            self._plugin,
            self._console,
            self.journal,
            lambda *chance: self._faults.strike(*chance),
            self._suffer,
        )
        self._view = View(settings.picture_lag_ticks)
        self._runs = Runs([Path(folder) for folder in settings.replay_folders])
        self._maps = Maps(settings.tracks, settings.user, self._runs)
        self._screen = Screen.START_UP
        self._loaded: LoadedMap | None = None
        self._map_names: list[str] = []  # asked for, not yet taken up
        self._loading: Path | None = None
        self._screen_ends_s = 0.0
        self._next_frame_s = 0.0
        self._stale_steps = 0
        self._stale_clock: Rule | None = None
        self._old_clock_ms = _OLD_CLOCK_MS
        self._skipped_frames = 0
        self._script_fails = False
        self._listens_again_s: float | None = None
        self._outsiders: list[tuple[float, socket.socket]] = []
        self._greets_late = False
        self._running = True
        self._awake = threading.Event()
        self._awake.set()
        try:
            self._plugin.listen(settings.port)
        except OSError as error:
            raise BadInput(f"can not listen on port {settings.port}: {os.strerror(error.errno or 0)}.") from error

    # For others

    @property
    def port(self) -> int:
        return self._plugin.port

    @property
    def screen(self) -> str:
        return self._screen.value

    def set_faults(self, texts: list[str]) -> None:
        """These and no others, from the next chance on; they count anew. WrongUsage for a text that is none."""
        self._faults = FaultPlan(texts, self._settings.seed, self._settings.memory_file)

    def freeze(self) -> None:
        self._awake.clear()

    def thaw(self) -> None:
        self._awake.set()

    def run(self) -> None:
        """Until somebody says `quit`."""
        slow = self._strike("slow-start", "")
        self._screen_ends_s = time.monotonic() + self._settings.start_ms / 1000 + (slow.seconds if slow else 0)
        self._console.run(self._settings.configstring)
        while self._running:
            self._frame()

    # One frame

    def _frame(self) -> None:
        self.gate()
        self._console.run_queued()
        self._take_up_map()
        ticks = 0
        match self._screen:
            case Screen.START_UP if self._is_over():
                self._go_to_menus()
            case Screen.LOADING if self._is_over():
                self._load()
            case Screen.INTRO if self._is_over():
                self._race()
            case Screen.RACE:
                ticks = self._race_on()
        self._look_after_sockets()
        if self._console.is_on("draw_game", True) and (
            self._screen is not Screen.LOADING or self._settings.renders_while_loading
        ):
            self._plugin.render()
        self._pace(ticks)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._screen_ends_s

    def _pace(self, ticks: int) -> None:
        now = time.monotonic()
        if self._settings.pace > 0:
            # What was lost while somebody held the game is not caught up.
            self._next_frame_s = max(now, self._next_frame_s + _FRAME_S / self._settings.pace)
            time.sleep(self._next_frame_s - now)
        elif ticks == 0:
            time.sleep(_IDLE_S)
        elif self._plugin.client is None:
            time.sleep(_FRAME_S)

    def _race_on(self) -> int:
        ticks = self._racing.frame()
        self._view.ticked(self._racing)
        if self._stale_steps:
            self._stale_steps = max(0, self._stale_steps - ticks)
            if not self._stale_steps and self._loading is not None:
                self._begin_loading(self._loading)
        elif self._racing.ended:
            self._screen = Screen.DIALOG
        return ticks

    # Screens

    def _go_to_menus(self) -> None:
        self._screen = Screen.MENUS
        self._loaded = None
        self._view.left_race()
        self._greets_late = True
        self._plugin.reached_menus()
        self._greets_late = False

    def _take_up_map(self) -> None:
        ready = [Screen.MENUS, Screen.RACE]
        if self._settings.commands_in_intro:
            ready += [Screen.NOTICE, Screen.INTRO]
        if not self._map_names or self._screen not in ready or self._loading is not None:
            return
        name = self._map_names.pop(0)
        path = self._maps.find(name, later_files=self._settings.sees_later_files)
        if path is None:
            self._console.say(f"could not find map {name}")
            return
        if self._strike("no-index", name):
            return
        if self._strike("wrong-map", name):
            path = self._maps.another(name) or path
        stale = self._strike("stale-steps", name)
        if stale and self._screen is Screen.RACE:
            self._loading, self._stale_steps = path, stale.count
        else:
            self._begin_loading(path)

    def _begin_loading(self, path: Path) -> None:
        self._loading = path
        self._screen = Screen.LOADING
        self._screen_ends_s = time.monotonic() + self._settings.load_ms / 1000

    def _load(self) -> None:
        path, self._loading = self._loading, None
        assert path is not None
        loaded = self._maps.load(path)
        if isinstance(loaded, str):
            self._console.say(loaded)
            self._go_to_menus()
            return
        had_race = self._loaded is not None
        self._loaded = loaded
        self._view.hud = True  # it comes back with every map
        self._view.left_race()
        self.journal.note(
            "map",
            file=loaded.file,
            name=loaded.course.name,
            uid=loaded.course.uid,
            runs=[run.name for run in loaded.course.runs],
            ghosts=[run.name for run in loaded.ghosts],
        )
        self._stale_clock = self._strike("stale-clock", loaded.file)
        self._old_clock_ms = self._racing.race.race_time_ms if had_race else _OLD_CLOCK_MS
        self._show_what_comes_before(loaded)

    def _show_what_comes_before(self, loaded: LoadedMap) -> None:
        if self._strike("no-start", loaded.file) or not self._console.is_on("skip_map_load_screens", False):
            self._screen = Screen.NOTICE
            return
        intro = self._strike("intro", loaded.file)
        plays = self._settings.stubborn_intros or not self._console.is_on("disable_forced_camera", False)
        if intro:
            self._screen, self._screen_ends_s = Screen.INTRO, time.monotonic() + intro.seconds
        elif loaded.intro_ms is not None and plays:
            wall_s = loaded.intro_ms / 1000 / (self._settings.pace or 1.0) if loaded.intro_ms else float("inf")
            self._screen, self._screen_ends_s = Screen.INTRO, time.monotonic() + wall_s
        else:
            self._race()

    def _race(self) -> None:
        assert self._loaded is not None
        self._screen = Screen.RACE
        stale_ms = []
        if self._stale_clock is not None:
            stale_ms = [max(0, self._old_clock_ms) + 10 * n for n in range(self._stale_clock.count)]
        self._racing.begin(self._loaded, stale_ms)

    # Faults

    def _strike(self, name: str, map_name: str) -> Rule | None:
        rule = self._faults.strike(name, map_name)
        if rule is not None:
            self.journal.note("fault", name=name, map=map_name)
        return rule

    def _suffer(self, rule: Rule) -> None:
        """What a race says goes wrong now."""
        match rule.name:
            case "freeze":
                time.sleep(rule.seconds)
            case "plugin-gone":
                self._plugin.vanish()
                self._listens_again_s = time.monotonic() + rule.seconds
            case "game-dead":
                os._exit(1)
            case "script-error":
                self._script_fails = True
            case "second-client":
                with contextlib.suppress(OSError):
                    outsider = socket.create_connection(("127.0.0.1", self.port), timeout=1)
                    self._outsiders.append((time.monotonic() + rule.seconds, outsider))

    def _look_after_sockets(self) -> None:
        now = time.monotonic()
        if self._listens_again_s is not None and now >= self._listens_again_s:
            with contextlib.suppress(OSError):  # still taken: the next frame tries again
                self._plugin.listen(self.port)
                self._listens_again_s = None
        for ends_s, outsider in [one for one in self._outsiders if now >= one[0]]:
            outsider.close()
            self._outsiders.remove((ends_s, outsider))

    def fate_of_frame(self) -> str:
        """Of the one that is about to be sent: `sent`, `late` (not yet), `lost` or `wrong-size`."""
        if self._skipped_frames:
            self._skipped_frames -= 1
            return "late" if self._skipped_frames else "sent"
        if late := self._faults.strike("late-frames", self.map_name):
            self._skipped_frames = late.count
            return "late" if late.count else "sent"
        if self._strike("lost-frames", self.map_name):
            return "lost"
        return "wrong-size" if self._strike("wrong-size", self.map_name) else "sent"

    def script_fails_now(self) -> bool:
        fails, self._script_fails = self._script_fails, False
        return fails

    # What the plugin asks

    @property
    def is_starting_up(self) -> bool:
        return self._screen is Screen.START_UP

    @property
    def in_menus(self) -> bool:
        if self._greets_late and not self._settings.menus_in_queued_greeting:
            return False
        return self._screen is Screen.MENUS

    @property
    def race_finished(self) -> bool:
        race = self._racing.race if self._in_race else None
        return race is not None and (race.finished or race.tick_ms > race.race_time_ms)

    @property
    def map_name(self) -> str:
        return self._loaded.file if self._loaded else ""

    @property
    def shown_time_ms(self) -> int | None:
        return self._racing.race.race_time_ms if self._in_race else None

    @property
    def _in_race(self) -> bool:
        return self._screen is Screen.RACE

    def gate(self) -> None:
        self._awake.wait()

    def execute(self, command: bytes) -> None:
        self._console.queue(command.decode("utf-8", "replace"))

    def set_speed(self, speed: float) -> None:
        self._racing.speed = speed

    def give_up(self) -> None:
        if self._in_race:
            self._racing.restart()
        elif self._screen is Screen.DIALOG and self._settings.give_up_in_dialog:
            self._screen = Screen.RACE
            self._racing.revive()

    def prevent_finish(self) -> None:
        if self._in_race:
            self._racing.race.prevent_finish()

    def rewind(self, state: bytes | None) -> None:
        if not self._in_race:
            return
        time_ms = self._racing.race.race_time_ms if state is None else race_time_of(state)
        if time_ms is None:
            raise ScriptError("these bytes are no state")
        self._racing.rewind(time_ms)

    def press(self, left: bool, right: bool, accelerate: bool, brake: bool) -> None:
        if self._in_race:
            self._racing.race.press((accelerate, brake, left, right))

    def state(self) -> bytes:
        if self._in_race:
            return state_bytes(self._racing.race)
        if self._settings.state_outside_race == "error":
            raise ScriptError("there is no state outside a race")
        return bytes(FIXED_BYTES + 12) if self._settings.state_outside_race == "bytes" else b""

    def inputs(self) -> str:
        return self._racing.race.inputs(ranges=self._settings.input_ranges) if self._in_race else ""

    def reset_camera(self) -> None:
        pass

    def show_hud(self, shown: bool) -> None:
        self._view.hud = shown

    def screenshot(self, width: int, height: int) -> bytes | bytearray:
        """Of the size that was asked for, or of what the window can give."""
        width = min(max(0, width), self._settings.window_width)
        height = min(max(0, height), self._settings.window_height)
        if not width * height:
            return b""
        if self._in_race:
            return self._view.race(width, height, self._racing)
        uid = self._loaded.course.uid if self._loaded else None
        return self._view.screen(width, height, self._screen.value, uid, self._racing.attempt)

    # What the console asks

    def queue_map(self, name: str) -> None:
        self._console.say(f"map {name} queued")
        self._map_names.append(name)

    def exit_map(self) -> None:
        leavable = [Screen.RACE, Screen.DIALOG]
        if self._settings.commands_in_intro:
            leavable += [Screen.NOTICE, Screen.INTRO]
        if self._screen in leavable:
            self._loading, self._stale_steps = None, 0
            self._go_to_menus()

    def load_script(self, name: str) -> None:
        path = self._settings.scripts / name
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._console.say(f"could not load script {name}: {error}")
            return
        changes, errors = read_script(text)
        for sentence in errors:
            self._console.say(f"{name}: {sentence}")
        self._racing.script = Timeline(changes)
        self.journal.note("script", file=name, changes=len(changes), errors=len(errors))

    def unload_script(self) -> None:
        self._racing.script = None

    def press_key(self, key: str) -> None:
        if key == "delete":
            self.give_up()

    def set_camera(self, number: int) -> None:
        self._view.camera = number

    def quit(self) -> None:
        self._running = False
