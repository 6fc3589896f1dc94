"""Starts a game, knows whether it still runs, and ends it: TMLoader on Windows, a script of the user's on Linux.

Sheet of TMInterface, section (f): TMLoader ends once the game runs, so the game is looked for among the new processes;
the script gets the port as its only argument. What is started is written down in a file, so that a game whose tmxdb was
killed is ended by the next one, and not doubled: two games can not have one port.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.owners import Owner, me, owner_in, owner_of

GAME_NAME = "TmForever"
"""What the name of the game's process begins with (sheet (f), GIM)."""
APPEARS_S = 60.0
ENDS_S = 5.0
"""How long a game may take to end by itself before it is killed."""
_FORCED_S = 10.0
_TOKEN = "TMXDB_GAME"
"""The mark in the environment of what we start; it is inherited, also by what leaves the session."""

# Sheet (d). Ports leak from one start to the next through TMInterface's saved settings, so it is always told; without
# the next two, "press any key" and cameras of the map stop everything; the others keep the start exact and leave runs
# alone. The script on Linux has its own: the race sets them again.
_VARIABLES = (
    ("skip_map_load_screens", "true"),
    ("disable_forced_camera", "true"),
    ("countdown_speed", "1"),
    ("use_valseed", "false"),
    ("autorewind", "false"),
    ("autorewind_nofinish", "false"),
    ("execute_commands", "true"),
    ("draw_game", "true"),
    ("unfocused_fps_limit", "false"),
    ("auto_reload_plugins", "false"),
)


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """How games are started here. `autologin`: the account to enter with; without it the game must remember one."""

    tmloader: str | None = None
    profile: str = "default"
    linux_script: str | None = None
    autologin: str | None = None

    def command(self, port: int) -> list[str] | str:
        """What to run on this system. Raises BadInput if it is not set, or not there."""
        if sys.platform == "win32":
            return self.windows_command(port)
        script = _there(self.linux_script, "LINUX_LAUNCH_GAME_PATH", "a script that starts the game")
        if not os.access(script, os.X_OK):
            raise BadInput(f"{script}: can not be run; chmod +x it.", code="input.launch")
        return [script, str(port)]

    def windows_command(self, port: int) -> str:
        """TMLoader's command line, whose quotes are where GIM and GEN have them: not those of subprocess."""
        loader = _there(self.tmloader, "WINDOWS_TMLOADER_PATH", "TMLoader.exe")
        return f'"{loader}" run TmForever "{_word(self.profile)}" /configstring="{self.configuration(port)}"'

    def configuration(self, port: int) -> str:
        """What TMInterface does first of all."""
        variables = [("custom_port", str(port)), *_VARIABLES]
        if self.autologin:
            variables.append(("autologin", _word(self.autologin)))
        return "".join(f"set {name} {value}; " for name, value in variables) + "toggle_console"


@dataclass(frozen=True, slots=True)
class _Started:
    """A game that runs. `first`: its process; on Linux the script's, which leads a session. `token`: all's mark."""

    first: Owner
    token: str


class GameProcess:
    """The game on one port. `records`: a folder of ours, in which it is written down what runs."""

    def __init__(self, settings: LaunchSettings, port: int, records: Path) -> None:
        self._settings, self.port = settings, port
        self._record = records / f"game-{port}.json"
        self._started: subprocess.Popen[bytes] | None = None
        self._game: _Started | None = None

    def start(self) -> None:
        """Start it, after ending what a killed tmxdb has left on this port. It takes a minute until it can be reached.

        Raises BadInput if it can not be started like this or another tmxdb has this port, GameTrouble (game.no_start)
        if it ends at once or never appears.
        """
        self.stop()
        command = self._settings.command(self.port)
        self._end_leftover()
        before = {process.pid for process in _games()}
        token = uuid.uuid4().hex
        try:
            # Its output goes nowhere: Wine writes without end.
            self._started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=sys.platform != "win32",  # so that all of it can be ended together
                env={**os.environ, _TOKEN: token},
            )
        except OSError as error:
            raise BadInput(f"{_shown(command)}: can not be run ({error.strerror}).", code="input.launch") from error
        if sys.platform == "win32":
            self._game = _Started(self._appeared(self._started, before), token)
        else:
            self._game = _Started(owner_of(self._started.pid), token)
        self._write_record()
        if not self._settles():
            self.stop()
            raise GameTrouble(
                f"the game on port {self.port} ended at once; run {_shown(command)} by hand to see why.",
                code="game.no_start",
            )

    def running(self) -> bool:
        """Whether any of what was started still runs."""
        return self._game is not None and bool(_members(self._game))

    @property
    def pid(self) -> int | None:
        """The process of the game itself, whose window is looked for; None if it is not there (yet)."""
        members = _members(self._game) if self._game is not None else []
        return next((process.pid for process in members if _is_game(process)), None)

    def stop(self) -> None:
        """End it, by force if it does not end by itself. Nothing happens if it does not run."""
        if self._game is not None:
            _end(self._game)
        if self._started is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._started.wait(ENDS_S)
        if self._game is not None:
            self._record.unlink(missing_ok=True)
        self._started = self._game = None

    def restart(self) -> None:
        """End it and start it again."""
        self.stop()
        self.start()

    def _settles(self) -> bool:
        """A script that does not work ends within a moment."""
        assert self._started is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._started.wait(0.5)
        return self.running()

    def _appeared(self, loader: subprocess.Popen[bytes], before: set[int]) -> Owner:
        deadline = time.monotonic() + APPEARS_S
        while time.monotonic() < deadline:
            new = [process for process in _games() if process.pid not in before]
            game = which_game(new, self.port, loader.pid)
            if game is not None:
                return owner_of(game)
            time.sleep(0.25)
        raise GameTrouble(
            f"TMLoader was started, but within {APPEARS_S:.0f} s no game ({GAME_NAME}…) has come of it: is the profile"
            f" {self._settings.profile!r} one of its profiles?",
            code="game.no_start",
        )

    def _write_record(self) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        assert self._game is not None
        told = {"owner": str(me()), "game": str(self._game.first), "token": self._game.token}
        self._record.write_text(json.dumps(told), "utf-8")

    def _end_leftover(self) -> None:
        try:
            told: Any = json.loads(self._record.read_text("utf-8"))
            owner, game, token = owner_in(told["owner"]), owner_in(told["game"]), str(told["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if owner is not None and owner != me() and owner.lives():
            raise BadInput(
                f"port {self.port} has a game already, of another tmxdb (process {owner.pid});"
                " give this one another --base-tmi-port.",
                code="input.port",
            )
        if game is not None and game.host == me().host:
            _end(_Started(game, token))


def which_game(new: list[Any], port: int, loader_pid: int) -> int | None:
    """Of these new games the one that was just started, when others are started at the same time, too.

    The one that was told this port; of those that do not say, the loader's child; else the only one.
    """
    ports = {process: re.search(r"custom_port (\d+);", " ".join(_asked(process.cmdline, []))) for process in new}
    told = [process for process, said in ports.items() if said and int(said[1]) == port]
    others = [process for process, said in ports.items() if not said]
    child = [process for process in others if _asked(process.ppid, 0) == loader_pid]
    for found in (told, child, others):
        if len(found) == 1:
            return int(found[0].pid)
    return None


def named_as_a_game(pid: int | None) -> bool:
    """Whether a process of this number runs and bears the game's name."""
    import psutil

    try:
        return pid is not None and _is_game(psutil.Process(pid))
    except psutil.Error:
        return False


def _games() -> list[Any]:
    import psutil

    return [process for process in psutil.process_iter() if _is_game(process)]


def _is_game(process: Any) -> bool:
    return str(_asked(process.name, "")).casefold().startswith(GAME_NAME.casefold())


def _members(game: _Started) -> list[Any]:
    """The processes that belong to it and run: the first one, those of its session, those that have inherited its mark.

    A number can be another's by now: days later, after a crash. So no process counts that is older than the first, and
    no session whose leader is not the first itself or gone.
    """
    import psutil

    first = game.first
    ours = first.lives() or not psutil.pid_exists(first.pid)
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.create_time() * 1000 < first.started_ms - 2000 or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if (ours and first.pid in (process.pid, _session(process.pid))) or (
                process.environ().get(_TOKEN) == game.token
            ):
                members.append(process)
    return members


def _session(pid: int) -> int | None:
    if sys.platform == "win32":
        return None
    return os.getsid(pid)


def _end(game: _Started) -> None:
    import psutil

    for process in _members(game):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    deadline = time.monotonic() + ENDS_S
    while _members(game) and time.monotonic() < deadline:
        time.sleep(0.05)
    while left := _members(game):  # again and again: one may start another meanwhile
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        # Not waited for by their number: an orphan may stay a zombie for as long as its new parent likes.
        time.sleep(0.02)
        if time.monotonic() > deadline + _FORCED_S:
            raise GameTrouble(f"process {left[0].pid} of the game can not be ended.", code="game.no_end")


def _asked(question: Callable[[], Any], otherwise: Any) -> Any:
    """What a process says of itself, if it is still there and may be asked."""
    import psutil

    try:
        return question()
    except psutil.Error:
        return otherwise


def _there(path: str | None, variable: str, what: str) -> str:
    if not path:
        raise BadInput(f"games can not be started: {variable} is not set to {what}.", code="input.launch")
    if not Path(path).is_file():
        raise BadInput(f"{variable}: there is no file {path}.", code="input.launch")
    return str(Path(path).absolute())


def _word(text: str) -> str:
    """Fit to stand between quotes in a command line and in the console."""
    if not re.fullmatch(r"[ -~]+", text) or set(text) & set('";\\%'):
        raise BadInput(f"{text!r} can not be passed on to the game: plain ASCII without quotes.", code="input.launch")
    return text


def _shown(command: list[str] | str) -> str:
    return command if isinstance(command, str) else " ".join(command)
