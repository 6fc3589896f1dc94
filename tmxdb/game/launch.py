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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.alone import alone_in
from tmxdb.game.owners import Owner, me, owner_in, owner_of
from tmxdb.game.processes import ENDS_S, GAME_NAME, MARK, Started, end, games, is_game, members_of, which_game

APPEARS_S = 60.0

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


class GameProcess:
    """The game on one port. `records`: a folder of ours, in which it is written down what runs."""

    def __init__(self, settings: LaunchSettings, port: int, records: Path) -> None:
        self._settings, self.port = settings, port
        self._record = records / f"game-{port}.json"
        self._started: subprocess.Popen[bytes] | None = None
        self._game: Started | None = None

    def start(self) -> None:
        """Start it, after ending what a killed tmxdb has left on this port. It takes a minute until it can be reached.

        Raises BadInput if it can not be started like this or another tmxdb has this port, GameTrouble (game.no_start)
        if it ends at once or never appears.
        """
        self.stop()
        command = self._settings.command(self.port)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(self._record.parent):
            self._end_leftover()
            before = {process.pid for process in games()}
            self._game = Started(None, uuid.uuid4().hex)
            self._write_record()  # first: who is killed in between leaves no game that nobody knows of
            self._started = self._spawn(command, self._game.token)
        loader = self._started
        first = self._appeared(loader, before) if sys.platform == "win32" else owner_of(loader.pid)
        self._game = Started(first, self._game.token)
        self._write_record()
        if not self._settles():
            self.stop()
            raise GameTrouble(
                f"the game on port {self.port} ended at once; run {_shown(command)} by hand to see why.",
                code="game.no_start",
            )

    def running(self) -> bool:
        """Whether any of what was started still runs."""
        return self._game is not None and bool(members_of(self._game))

    @property
    def pid(self) -> int | None:
        """The process of the game itself, whose window is looked for; None if it is not there (yet)."""
        members = members_of(self._game) if self._game is not None else []
        return next((process.pid for process in members if is_game(process)), None)

    def stop(self) -> None:
        """End it, by force if it does not end by itself. Nothing happens if it does not run."""
        if self._game is not None:
            end(self._game)
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

    def _spawn(self, command: list[str] | str, token: str) -> subprocess.Popen[bytes]:
        try:
            # Its output goes nowhere: Wine writes without end.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=sys.platform != "win32",  # so that all of it can be ended together
                env={**os.environ, MARK: token},
            )
        except OSError as error:
            self.stop()
            raise BadInput(f"{_shown(command)}: can not be run ({error.strerror}).", code="input.launch") from error

    def _settles(self) -> bool:
        """A script that does not work ends within a moment."""
        assert self._started is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._started.wait(0.5)
        return self.running()

    def _appeared(self, loader: subprocess.Popen[bytes], before: set[int]) -> Owner:
        deadline = time.monotonic() + APPEARS_S
        while time.monotonic() < deadline:
            new = [process for process in games() if process.pid not in before]
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
        assert self._game is not None
        first = self._game.first
        told = {"owner": str(me()), "first": None if first is None else str(first), "token": self._game.token}
        self._record.write_text(json.dumps(told), "utf-8")

    def _end_leftover(self) -> None:
        try:
            told: Any = json.loads(self._record.read_text("utf-8"))
            owner, token = owner_in(told["owner"]), str(told["token"])
            first = None if told["first"] is None else owner_in(told["first"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if owner is not None and owner != me() and owner.lives():
            raise BadInput(
                f"port {self.port} has a game already, of another tmxdb (process {owner.pid});"
                " give this one another --base-tmi-port.",
                code="input.port",
            )
        if token and owner is not None and owner.host == me().host:
            end(Started(first, token))


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
