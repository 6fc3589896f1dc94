"""TMInterface 1.4 through its shared memory: the package `tminterface` in a process of its own, which can be killed.

The package waits without limit for each response, keeps a core busy while it does, and makes an empty mapping where no
game is (sheet of TMInterface, section (b)); so it stays in a child, a pipe carries events out and commands in, and
this side has a limit on everything. Windows only; tests open another mapping with `open_mapping`.

What this version lacks: pictures (the frame source `screen` takes them), `in_menus` (None), the number of laps to
drive (-1), hiding the race's display (nothing happens).
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import sys
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn

from tmxdb.errors import BadInput, GameGone, GameSilent, GameTrouble
from tmxdb.game import messages
from tmxdb.game.driver import Event
from tmxdb.game.memory_child import LINGER_S, OpenMapping, Pipe, serve
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState

MAPPING_BYTES = 65535
"""What TMInterface makes unless it was started with /serversize (sheet (b); the package's DEFAULT_SERVER_SIZE)."""
START_S = 30.0
"""How long the child may take to start, beside the patience with the game: it imports numpy."""


def open_named_mapping(name: str, size: int) -> mmap.mmap:
    """The mapping that a game has made. Raises FileNotFoundError if there is none, BadInput off Windows."""
    if sys.platform != "win32":
        raise BadInput(
            "TMInterface 1.4 is reached through shared memory of Windows; here only TMInterface 2 can be driven.",
            code="input.not_here",
        )
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenFileMappingW.restype = ctypes.c_void_p
    kernel32.OpenFileMappingW.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_wchar_p]
    kernel32.CloseHandle.argtypes = [ctypes.c_void_p]
    # FILE_MAP_READ = 4 (learn.microsoft.com, "File Mapping Security and Access Rights"). mmap alone would make one.
    handle = kernel32.OpenFileMappingW(4, 0, name)
    if not handle:
        raise FileNotFoundError(name)
    try:
        return mmap.mmap(-1, size, tagname=name)
    finally:
        kernel32.CloseHandle(handle)


class MemoryDriver:
    """Driver of the game that has made the mapping TMInterface`number`; the first game is 0.

    `reply_s`: the limit on each question and command, which the game answers at once or, dropped us, never.
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
        self._trouble = "it was never reached"
        self._held = False

    def __repr__(self) -> str:
        return f"the game of {self.name}"

    def connect(self, patience_s: float) -> None:
        self.close()
        if self._open_mapping is open_named_mapping and sys.platform != "win32":
            open_named_mapping(self.name, self._bytes)  # says so
        context = multiprocessing.get_context("spawn")  # the same on every system
        self._pipe, theirs = context.Pipe()
        self._child = context.Process(
            target=serve,
            args=(theirs, self._open_mapping, self.name, self._bytes, patience_s),
            name=f"tmxdb {self.name}",
            daemon=True,
        )
        self._child.start()
        theirs.close()
        self._trouble, self._held = "", False
        self._receive(START_S + patience_s, "its helper process does not start")

    def wait(self, timeout_s: float) -> Event:
        self._linked()
        if self._held:
            raise RuntimeError(f"{self} still waits for an answer")
        event: Event = self._receive(timeout_s)
        self._held = True
        return event

    def answer(self) -> None:
        self._give("answer")
        self._held = False

    def answer_and_tell(self) -> CarState:
        state = self.state()
        self.answer()
        return state

    def close(self) -> None:
        child, pipe = self._child, self._pipe
        self._child = self._pipe = None
        self._trouble, self._held = "it was left", False
        if child is None or pipe is None:
            return
        with contextlib.suppress(OSError):  # it may be gone already
            pipe.send(("leave",))
        child.join(LINGER_S)
        child.kill()
        child.join()
        child.close()
        pipe.close()

    def execute(self, command: str) -> None:
        messages.execute(command)  # the same limits: ASCII, one line
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
        raise BadInput(
            "TMInterface 1.4 gives no pictures: take them from the game's window with --frame-source screen.",
            code="input.frame_source",
        )

    def unrequest_frame(self) -> None:
        self._linked()

    def show_hud(self, shown: bool) -> None:
        self._linked()

    def state(self) -> CarState:
        data: bytes | None = self._ask("state")
        if data is None:
            raise GameTrouble(f"{self} has no car to tell of: it is not in a race.", code="game.no_state")
        try:
            return car_state(data)
        except GameTrouble as error:
            self._broken(str(error))

    def in_menus(self) -> None:
        self._linked()

    def race_finished(self) -> bool:
        return self.state().finished

    def inputs(self) -> str | None:
        script: str | None = self._ask("inputs")
        return script

    def _ask(self, word: str, *arguments: object) -> Any:
        self._give(word, *arguments)
        return self._receive(self._reply_s, f"it gave no response to {word!r} within {self._reply_s:g} s")

    def _give(self, word: str, *arguments: object) -> None:
        pipe = self._linked()
        if not self._held:
            raise RuntimeError(f"{self} listens only while an event is held")
        try:
            pipe.send((word, *arguments))
        except OSError as error:
            self._broken("its helper process has ended", error)

    def _receive(self, timeout_s: float, late: str = "") -> Any:
        """What the child says next. `late`: what it means if nothing comes; empty: that the game is silent."""
        pipe = self._linked()
        try:
            if not pipe.poll(timeout_s):
                if late:
                    self._broken(late)
                raise GameSilent(f"{self} has said nothing in the time it had.")
            said, value = pipe.recv()
        except (EOFError, OSError) as error:
            self._broken("its helper process has ended", error)
        if said == "gone":
            self._broken(value)
        return value

    def _linked(self) -> Pipe:
        if self._pipe is None or self._trouble:
            raise GameGone(f"{self} can not be spoken to: {self._trouble}.")
        return self._pipe

    def _broken(self, trouble: str, cause: BaseException | None = None) -> NoReturn:
        self._trouble = trouble
        raise GameGone(f"{self}: {trouble}.") from cause
