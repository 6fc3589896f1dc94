"""The driver of TMInterface 1.4, which talks through shared memory. The package `tminterface` runs in a child process.

The package waits for each response without a limit, keeps a core busy meanwhile, and creates an empty mapping where
there is no game (docs/facts/tminterface.md#shared-memory). So it runs in a child that can be killed, connected by a
pipe, and this side has a limit on everything. Windows only; tests pass another `open_mapping`.

This version cannot take pictures (use the frame source `screen`), say whether it is in its menus (None), report the
number of laps (-1), or hide the race display (does nothing).
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import sys
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn

from tmxdb.child_processes import start
from tmxdb.errors import GameError, GameExited, GameTimeout, InvalidInput
from tmxdb.game.capabilities import NO_CAPABILITIES, Capabilities
from tmxdb.game.driver import Event
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState
from tmxdb.game.tminterface1.memory_child import LINGER_S, OpenMapping, Pipe, serve
from tmxdb.game.tminterface2 import messages

MAPPING_BYTES = 65535
"""The size without /serversize (docs/facts/tminterface.md#shared-memory; the package's DEFAULT_SERVER_SIZE)."""
START_S = 30.0
"""How long the child may take to start, in addition to the time for the game: it imports numpy."""


def open_named_mapping(name: str, size: int) -> mmap.mmap:
    """Open the mapping that a game has created. Raise FileNotFoundError if there is none, InvalidInput off Windows."""
    if sys.platform != "win32":
        raise InvalidInput(
            "TMInterface 1.4 uses shared memory of Windows. On this system use TMInterface 2 (--driver tmi2).",
            code="input.not_here",
        )
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenFileMappingW.restype = ctypes.c_void_p
    kernel32.OpenFileMappingW.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_wchar_p]
    kernel32.CloseHandle.argtypes = [ctypes.c_void_p]
    # FILE_MAP_READ = 4 (learn.microsoft.com, "File Mapping Security and Access Rights"). mmap alone would create one.
    handle = kernel32.OpenFileMappingW(4, 0, name)
    if not handle:
        raise FileNotFoundError(name)
    try:
        return mmap.mmap(-1, size, tagname=name)
    finally:
        kernel32.CloseHandle(handle)


class MemoryDriver:
    """The driver of the game with the mapping TMInterface`number`; the first game is 0.

    `reply_s`: limit on each question and command. The game replies immediately, or never if it has dropped us.
    """

    def __init__(
        self,
        number: int,
        *,
        open_mapping: OpenMapping = open_named_mapping,
        mapping_bytes: int = MAPPING_BYTES,
        reply_s: float = 3.0,
    ) -> None:
        self.name = f"TMInterface{number}"
        self._open_mapping, self._bytes, self._reply_s = open_mapping, mapping_bytes, reply_s
        self._child: SpawnProcess | None = None
        self._pipe: Pipe | None = None
        self._trouble = "it was never connected"
        self._held = False

    def __repr__(self) -> str:
        return f"the game of {self.name}"

    def connect(self, timeout_s: float) -> None:
        self.close()
        if self._open_mapping is open_named_mapping and sys.platform != "win32":
            open_named_mapping(self.name, self._bytes)  # raises InvalidInput
        context = multiprocessing.get_context("spawn")  # the same on every system
        self._pipe, child_end = context.Pipe()
        self._child = context.Process(
            target=serve,
            args=(child_end, self._open_mapping, self.name, self._bytes, timeout_s),
            name=f"tmxdb {self.name}",
            daemon=True,
        )
        start(self._child)
        child_end.close()
        self._trouble, self._held = "", False
        self._receive(START_S + timeout_s, "its child process does not start")

    def wait(self, timeout_s: float) -> Event:
        self._open_pipe()
        if self._held:
            raise RuntimeError(f"{self}: the last event is unanswered")
        event: Event = self._receive(timeout_s)
        self._held = True
        return event

    def answer(self) -> None:
        self._send("answer")
        self._held = False

    def answer_and_get_state(self) -> CarState:
        state = self.state()
        self.answer()
        return state

    def close(self) -> None:
        child, pipe = self._child, self._pipe
        self._child = self._pipe = None
        self._trouble, self._held = "it was closed", False
        if child is None or pipe is None:
            return
        with contextlib.suppress(OSError):  # the child may have ended
            pipe.send(("leave",))
        child.join(LINGER_S)
        child.kill()
        child.join()
        child.close()
        pipe.close()

    def execute(self, command: str) -> None:
        messages.execute(command)  # the same limits: one line of ASCII
        self._ask("execute", command)

    def give_up(self) -> None:
        self._ask("give_up")

    def set_speed(self, speed: float) -> None:
        self._ask("set_speed", speed)

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._ask("set_response_timeout", timeout_ms)

    def set_step_period(self, period_ms: int) -> None:
        if period_ms < 1:
            raise ValueError(f"a step period of {period_ms} ms would stop all steps")
        self._ask("set_step_period", period_ms)

    def request_frame(self, width: int, height: int) -> None:
        raise InvalidInput(
            "TMInterface 1.4 sends no pictures. Take them from the game's window with --frame-source screen.",
            code="input.frame_source",
        )

    def unrequest_frame(self) -> None:
        self._open_pipe()

    def show_hud(self, shown: bool) -> None:
        self._open_pipe()

    def state(self) -> CarState:
        data: bytes | None = self._ask("state")
        if data is None:
            raise GameError(f"{self}: there is no car, because it is not in a race.", code="game.no_state")
        try:
            return car_state(data)
        except GameError as error:
            self._broken(str(error))

    def in_menus(self) -> None:
        self._open_pipe()

    def race_finished(self) -> bool:
        return self.state().finished

    def capabilities(self) -> Capabilities:
        return NO_CAPABILITIES

    def game_state(self) -> None:
        self._open_pipe()

    def running_map(self) -> None:
        self._open_pipe()

    def focus_window(self) -> None:
        self._open_pipe()

    def link(self) -> None:
        self._open_pipe()

    def inputs(self) -> str | None:
        script: str | None = self._ask("inputs")
        return script

    def _ask(self, name: str, *arguments: object) -> Any:
        self._send(name, *arguments)
        return self._receive(self._reply_s, f"no response to {name!r} within {self._reply_s:g} s")

    def _send(self, name: str, *arguments: object) -> None:
        pipe = self._open_pipe()
        if not self._held:
            raise RuntimeError(f"{self} reads commands only while an event is unanswered")
        try:
            pipe.send((name, *arguments))
        except OSError as error:
            self._broken("its child process has ended", error)

    def _receive(self, timeout_s: float, late: str = "") -> Any:
        """Return the next value from the child.

        `late`: how to report that none comes in time; empty: raise GameTimeout.
        """
        pipe = self._open_pipe()
        try:
            if not pipe.poll(timeout_s):
                if late:
                    self._broken(late)
                raise GameTimeout(f"{self}: no message within the time limit.")
            kind, value = pipe.recv()
        except (EOFError, OSError) as error:
            self._broken("its child process has ended", error)
        if kind == "lost":
            self._broken(value)
        return value

    def _open_pipe(self) -> Pipe:
        if self._pipe is None or self._trouble:
            raise GameExited(f"{self} is not connected: {self._trouble}.")
        return self._pipe

    def _broken(self, trouble: str, cause: BaseException | None = None) -> NoReturn:
        self._trouble = trouble
        raise GameExited(f"{self}: {trouble}.") from cause
