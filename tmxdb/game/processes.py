"""The processes of a game: which of the new ones it is, which belong to it, and how all of them are ended."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tmxdb.errors import GameTrouble
from tmxdb.game.owners import Owner

GAME_NAME = "TmForever"
"""What the name of the game's process begins with (sheet (f), GIM)."""
ENDS_S = 5.0
"""How long a game may take to end by itself before it is killed."""
MARK = "TMXDB_GAME"
"""In the environment of what we start; it is inherited, also by what leaves the session."""
_FORCED_S = 10.0
# Wine's own: all games of one prefix share them, so that ending these would end the others; they end by themselves.
_SHARED = {
    *("wineserver", "wineserver32", "wineserver64", "services.exe", "explorer.exe", "winedevice.exe"),
    *("plugplay.exe", "svchost.exe", "rpcss.exe", "conhost.exe", "tabtip.exe"),
}


@dataclass(frozen=True, slots=True)
class Started:
    """A game that runs or begins to. `first`: its process, if known; on Linux the script's, which leads a session.
    `token`: what stands behind MARK in all of them."""

    first: Owner | None
    token: str


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
        return pid is not None and is_game(psutil.Process(pid))
    except psutil.Error:
        return False


def games() -> list[Any]:
    """All that run on this machine, whoever has started them."""
    import psutil

    return [process for process in psutil.process_iter() if is_game(process)]


def is_game(process: Any) -> bool:
    """Whether a process bears the game's name."""
    return str(_asked(process.name, "")).casefold().startswith(GAME_NAME.casefold())


def members_of(game: Started) -> list[Any]:
    """The processes that belong to it and run: the first one, those of its session, those that have inherited its mark.

    A number can be another's by now: days later, after a crash. So no process counts that is older than the first, and
    no session whose leader is not the first itself or gone.
    """
    import psutil

    first = game.first
    sessions_are_ours = first is not None and (first.lives() or not psutil.pid_exists(first.pid))
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or process.name().casefold() in _SHARED:
                continue
            if first is not None and process.create_time() * 1000 < first.started_ms - 2000:
                continue
            of_session = first is not None and first.pid in (process.pid, _session(process.pid))
            if (of_session and sessions_are_ours) or process.environ().get(MARK) == game.token:
                members.append(process)
    return members


def _session(pid: int) -> int | None:
    if sys.platform == "win32":
        return None
    return os.getsid(pid)


def end(game: Started) -> None:
    """By force if it does not end by itself. Raises GameTrouble (game.no_end) if even that does not do it."""
    import psutil

    for process in members_of(game):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    deadline = time.monotonic() + ENDS_S
    while members_of(game) and time.monotonic() < deadline:
        time.sleep(0.05)
    while left := members_of(game):  # again and again: one may start another meanwhile
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
