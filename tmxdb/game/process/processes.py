"""The processes of a game: find a started game among them, list those that belong to it, and end them all."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tmxdb.errors import GameError
from tmxdb.process_identity import ProcessIdentity, process_started_ms

GAME_NAME = "TmForever"
"""How the name of the game's process begins (docs/facts/tminterface.md#launching)."""
EXIT_TIMEOUT_S = 5.0
"""How long a game may take to exit before it is killed."""
TOKEN_VARIABLE = "TMXDB_GAME"
"""Set in the environment of a started game. Child processes inherit it, also those that leave the session."""
_FORCED_S = 10.0
# Wine's own processes. All games of one prefix share them, so ending them would end the other games; they exit alone.
_SHARED = {
    *("wineserver", "wineserver32", "wineserver64", "services.exe", "explorer.exe", "winedevice.exe"),
    *("plugplay.exe", "svchost.exe", "rpcss.exe", "conhost.exe", "tabtip.exe"),
}


@dataclass(frozen=True, slots=True)
class GameGroup:
    """The processes of one game. `first`: the first one, if known; on Linux the script, which leads a session.

    `token`: the value of TOKEN_VARIABLE in all of them.
    """

    first: ProcessIdentity | None
    token: str


def find_started_game(new: list[Any], port: int, loader_pid: int) -> int | None:
    """Return the pid of the game just started; None if unclear. Others may have started some of the `new` games.

    It is the one with this port in its command line; among those without a port, the loader's child; else the only one.
    """
    ports = {process: re.search(r"custom_port (\d+);", " ".join(_query(process.cmdline, []))) for process in new}
    with_port = [process for process, match in ports.items() if match and int(match[1]) == port]
    without_port = [process for process, match in ports.items() if not match]
    children = [process for process in without_port if _query(process.ppid, 0) == loader_pid]
    for candidates in (with_port, children, without_port):
        if len(candidates) == 1:
            return int(candidates[0].pid)
    return None


def process_name(pid: int) -> str:
    """Return the name of a process; empty if it has ended."""
    import psutil

    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def listener_of(port: int) -> int | None:
    """Return the process that listens on a TCP port of this machine; None if it is not one of this user's.

    Wine's server holds the sockets of all its games too, so it does not count.
    """
    import psutil

    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().casefold() in _SHARED:
                continue
            query: Callable[[str], list[Any]] = getattr(process, "net_connections", process.connections)
            connections = query("tcp4")  # the name before psutil 6 is `connections`
            if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections):
                found.add(process.pid)
    return found.pop() if len(found) == 1 else None


def is_game_pid(pid: int | None) -> bool:
    """Return whether a process with this pid runs and has the game's name."""
    import psutil

    try:
        return pid is not None and is_game(psutil.Process(pid))
    except psutil.Error:
        return False


def running_games() -> list[Any]:
    """Return all games on this machine, by whichever program they were started."""
    import psutil

    return [process for process in psutil.process_iter() if is_game(process)]


def is_game(process: Any) -> bool:
    """Return whether a process has the game's name."""
    return str(_query(process.name, "")).casefold().startswith(GAME_NAME.casefold())


def group_members(game: GameGroup) -> list[Any]:
    """Return its running processes: the first one, those of its session, and those that inherited its token.

    Days later, after a crash, a pid may belong to another process. So processes older than the first do not count, nor
    does a session whose leader is alive and is not the first process.
    """
    import psutil

    first = game.first
    sessions_are_ours = first is not None and (first.is_alive() or not psutil.pid_exists(first.pid))
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            started_ms = process_started_ms(process.pid)
            if started_ms is None or process.name().casefold() in _SHARED:
                continue
            if first is not None and started_ms < first.started_ms:
                continue
            of_session = first is not None and first.pid in (process.pid, _session(process.pid))
            if (of_session and sessions_are_ours) or process.environ().get(TOKEN_VARIABLE) == game.token:
                members.append(process)
    return members


def _session(pid: int) -> int | None:
    if sys.platform == "win32":
        return None
    return os.getsid(pid)


def terminate(game: GameGroup) -> None:
    """End all processes of a game, by force if needed. Raise GameError (game.no_end) if one survives that."""
    import psutil

    for process in group_members(game):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    deadline = time.monotonic() + EXIT_TIMEOUT_S
    while group_members(game) and time.monotonic() < deadline:
        time.sleep(0.05)
    while left := group_members(game):  # repeatedly: one may start another meanwhile
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        # Do not wait for pids: an orphan may stay a zombie for as long as its new parent likes.
        time.sleep(0.02)
        if time.monotonic() > deadline + _FORCED_S:
            raise GameError(f"process {left[0].pid} of the game cannot be ended. End it by hand.", code="game.no_end")


def _query(read: Callable[[], Any], default: Any) -> Any:
    """Return what `read` returns; `default` if the process has ended or must not be inspected."""
    import psutil

    try:
        return read()
    except psutil.Error:
        return default
