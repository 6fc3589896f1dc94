"""Start a game, check that it runs, and end it: with TMLoader on Windows, with the user's script on Linux.

TMLoader exits once the game runs, so the game is searched for among the new processes; the script gets the port as its
only argument (docs/facts/tminterface.md#launching). A record file names the started game, so that the next tmxdb ends a
game whose tmxdb was killed instead of starting a second one: two games cannot share a port.
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

from tmxdb.errors import GameError, InvalidInput, TmxdbError
from tmxdb.game.locks.folder_lock import folder_lock
from tmxdb.game.port_files import PortFiles
from tmxdb.game.process.processes import (
    EXIT_TIMEOUT_S,
    GAME_NAME,
    TOKEN_VARIABLE,
    GameGroup,
    find_started_game,
    group_members,
    is_game,
    running_games,
    terminate,
)
from tmxdb.process_identity import ProcessIdentity, identity_of, process_in, this_process

_RECORDS = PortFiles("game-", ".json")
APPEARS_S = 60.0
"""How long after TMLoader the game's process may appear."""

# docs/facts/tminterface.md#console says why each is set. The port is always set: TMInterface saves the last one.
# `capture.race.assumptions.VARIABLES` sets them again before each race, for games that were started otherwise.
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
    """How to start games. `autologin`: the account to log in with; without it the game must remember one."""

    tmloader: str | None = None
    profile: str = "default"
    linux_script: str | None = None
    autologin: str | None = None

    def command(self, port: int) -> list[str] | str:
        """Return the command for this system. Raise InvalidInput if its program is not set or does not exist."""
        if sys.platform == "win32":
            return self.windows_command(port)
        script = _existing_file(self.linux_script, "LINUX_LAUNCH_GAME_PATH", "a script that starts the game")
        if not os.access(script, os.X_OK):
            raise InvalidInput(f'{script}: not executable. Run: chmod +x "{script}"', code="input.launch")
        return [script, str(port)]

    def windows_command(self, port: int) -> str:
        """Return TMLoader's command line. Its quoting is TMLoader's own, not that of subprocess."""
        loader = _existing_file(self.tmloader, "WINDOWS_TMLOADER_PATH", "TMLoader.exe")
        return f'"{loader}" run TmForever "{_console_word(self.profile)}" /configstring="{self.configuration(port)}"'

    def configuration(self, port: int) -> str:
        """Return the commands that TMInterface runs first."""
        variables = [("custom_port", str(port)), *_VARIABLES]
        if self.autologin:
            variables.append(("autologin", _console_word(self.autologin)))
        return "".join(f"set {name} {value}; " for name, value in variables) + "toggle_console"


class GameProcess:
    """The game on one port. `records`: the folder for the files that say which games run."""

    def __init__(self, settings: LaunchSettings, port: int, records: Path) -> None:
        self._settings, self.port = settings, port
        self._record = _RECORDS.path(records, port)
        self._started: subprocess.Popen[bytes] | None = None
        self._game: GameGroup | None = None

    def start(self) -> None:
        """Start the game, after ending one that a killed tmxdb left here. It accepts connections up to a minute later.

        Raise InvalidInput if the settings cannot start it or another tmxdb uses this port, GameError (game.no_start)
        if it exits immediately or never appears.
        """
        self.stop()
        command = self._settings.command(self.port)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(self._record.parent):
            self._end_leftover()
            before = {process.pid for process in running_games()}
            self._game = GameGroup(None, uuid.uuid4().hex)
            self._write_record()  # before the start, so that no unknown game remains if we are killed now
            self._started = self._spawn(command, self._game.token)
        loader = self._started
        first = self._appeared(loader, before) if sys.platform == "win32" else identity_of(loader.pid)
        self._game = GameGroup(first, self._game.token)
        self._write_record()
        if not self._survives_start():
            self.stop()
            raise GameError(
                f"the game on port {self.port} exited immediately. Run {_command_text(command)} by hand to see why.",
                code="game.no_start",
            )

    def running(self) -> bool:
        """Whether any of the started processes still runs."""
        return self._game is not None and bool(group_members(self._game))

    @property
    def pid(self) -> int | None:
        """The process of the game itself, which has the window; None if it does not run (yet)."""
        members = group_members(self._game) if self._game is not None else []
        return next((process.pid for process in members if is_game(process)), None)

    def stop(self) -> None:
        """End the game, by force if needed. Does nothing if it does not run."""
        if self._game is not None:
            terminate(self._game)
        if self._started is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._started.wait(EXIT_TIMEOUT_S)
        if self._game is not None:
            self._record.unlink(missing_ok=True)
        self._started = self._game = None

    def close(self) -> None:
        """End the game, and one that a killed tmxdb left on this port. Raise as `start` does."""
        self.stop()
        if self._record.exists():
            with folder_lock(self._record.parent):
                self._end_leftover()
                self._record.unlink(missing_ok=True)

    def restart(self) -> None:
        """End the game and start it again."""
        self.stop()
        self.start()

    def _spawn(self, command: list[str] | str, token: str) -> subprocess.Popen[bytes]:
        try:
            # Output is discarded: Wine never stops writing.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=sys.platform != "win32",  # so that all of it can be ended
                env={**os.environ, TOKEN_VARIABLE: token},
            )
        except OSError as error:
            self.stop()
            raise InvalidInput(
                f"{_command_text(command)}: cannot be run ({error.strerror}). Check the path.",
                code="input.launch",
            ) from error

    def _survives_start(self) -> bool:
        """Whether it still runs after half a second: a script that does not work exits by then."""
        assert self._started is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._started.wait(0.5)
        return self.running()

    def _appeared(self, loader: subprocess.Popen[bytes], before: set[int]) -> ProcessIdentity:
        deadline = time.monotonic() + APPEARS_S
        while time.monotonic() < deadline:
            new = [process for process in running_games() if process.pid not in before]
            game = find_started_game(new, self.port, loader.pid)
            if game is not None:
                return identity_of(game)
            time.sleep(0.25)
        raise GameError(
            f"TMLoader was started, but no process {GAME_NAME}… appeared within {APPEARS_S:.0f} s. Check that it has a"
            f" profile {self._settings.profile!r} (--tmloader-profile).",
            code="game.no_start",
        )

    def _write_record(self) -> None:
        assert self._game is not None
        first = self._game.first
        record = {
            "owner": str(this_process()),
            "first": None if first is None else str(first),
            "token": self._game.token,
        }
        self._record.write_text(json.dumps(record), "utf-8")

    def _end_leftover(self) -> None:
        try:
            record: Any = json.loads(self._record.read_text("utf-8"))
            owner, token = process_in(record["owner"]), str(record["token"])
            first = None if record["first"] is None else process_in(record["first"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if owner is not None and owner != this_process() and owner.is_alive():
            raise InvalidInput(
                f"port {self.port} is used by a game of another tmxdb (process {owner.pid})."
                " Choose another --base-tmi-port.",
                code="input.port",
            )
        if token and owner is not None and owner.host == this_process().host:
            terminate(GameGroup(first, token))


def end_leftover_games(records: Path) -> None:
    """End the games that killed processes started, by their files in `records`. Those of live processes go on."""
    for port in _RECORDS.ports(records):
        with contextlib.suppress(TmxdbError, OSError):
            GameProcess(LaunchSettings(), port, records).close()


def _existing_file(path: str | None, variable: str, what: str) -> str:
    if not path:
        raise InvalidInput(f"games cannot be started: {variable} is not set. Set it to {what}.", code="input.launch")
    if not Path(path).is_file():
        raise InvalidInput(f"{variable}: no file {path}. Correct the path.", code="input.launch")
    return str(Path(path).absolute())


def _console_word(text: str) -> str:
    """Return `text` if it is safe between quotes in a command line and in the console; else raise InvalidInput."""
    if not re.fullmatch(r"[ -~]+", text) or set(text) & set('";\\%'):
        raise InvalidInput(
            f'{text!r} cannot be passed to the game. Use printable ASCII without any of " ; \\ %.', code="input.launch"
        )
    return text


def _command_text(command: list[str] | str) -> str:
    return command if isinstance(command, str) else " ".join(command)
