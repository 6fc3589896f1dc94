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
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn

from tmxdb.errors import BadInput, GameGone, GameSilent, GameTrouble
from tmxdb.game import messages
from tmxdb.game.driver import Checkpoint, Connected, Event, Lap, Step
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState

Pipe = Any
"""A connection of multiprocessing; on Windows of another class, with the same methods."""

OpenMapping = Callable[[str, int], mmap.mmap]
"""Name and size to an open mapping. Raises FileNotFoundError if no game has made it."""

MAPPING_BYTES = 65535
"""What TMInterface makes unless it was started with /serversize (sheet (b); the package's DEFAULT_SERVER_SIZE)."""
START_S = 30.0
"""How long the child may take to start, beside the patience with the game: it imports numpy."""
LINGER_S = 3.0
RETRY_S = 0.25
_LEAVE_TIMEOUT_MS = 2000


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
            target=_child,
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


# The child


def _child(pipe: Pipe, open_mapping: OpenMapping, name: str, size: int, patience_s: float) -> None:
    """What runs in the process of its own: waits for the mapping, then lets the package call `_Client`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which tells us to leave
    deadline = time.monotonic() + patience_s
    while True:
        try:
            mapping = open_mapping(name, size)
            break
        except FileNotFoundError:
            if time.monotonic() + RETRY_S > deadline:
                pipe.send(("gone", "there is no such game; is it started, with TMInterface 1.4?"))
                return
            time.sleep(RETRY_S)
    from tminterface.interface import TMInterface

    interface = TMInterface(name, size)
    interface.mfile = mapping
    client = _Client(pipe)
    pipe.send(("opened", None))
    interface.register(client)
    parent = multiprocessing.parent_process()
    while interface.running and not client.left.wait(0.5):
        if parent is not None and not parent.is_alive():  # killed
            client.left.wait(LINGER_S if client.held else 0)
            break
    os._exit(0)  # the package's thread may be waiting without limit


class _Client:
    """What the package calls, in its thread: hands each event to the parent, then does what it says until `answer`.

    It has the methods of the package's class Client, but is none: the package is not imported before it is needed.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._period_ms = 1
        self.held = False
        self.left = threading.Event()

    def on_registered(self, interface: Any) -> None:
        self._hold(interface, Connected())

    def on_run_step(self, interface: Any, race_time_ms: int) -> None:
        if race_time_ms % self._period_ms == 0:
            self._hold(interface, Step(race_time_ms))

    def on_checkpoint_count_changed(self, interface: Any, current: int, target: int) -> None:
        self._hold(interface, Checkpoint(current, target))

    def on_laps_count_changed(self, interface: Any, current: int) -> None:
        self._hold(interface, Lap(current, -1))

    def on_simulation_begin(self, interface: Any) -> None:
        """Somebody validates a replay: nothing to do with us; nor are the next three."""

    def on_simulation_step(self, interface: Any, _time: int) -> None:
        """Validating."""

    def on_simulation_end(self, interface: Any, result: int) -> None:
        """Validating."""

    def on_custom_command(self, interface: Any, _from: int, _to: int, _command: str, _arguments: list[str]) -> None:
        """We register none."""

    def on_bruteforce_evaluate(self, interface: Any, _info: Any) -> None:
        """None: the game goes on as it would without us."""

    def on_deregistered(self, interface: Any) -> None:
        """Only ever our own doing."""

    def on_shutdown(self, interface: Any) -> None:
        self._pipe.send(("gone", "it was closed"))

    def on_client_exception(self, interface: Any, error: Exception) -> None:
        self._pipe.send(("gone", f"what it says makes no sense ({error})"))

    def _hold(self, interface: Any, event: Event) -> None:
        self.held = True
        try:
            self._pipe.send(("event", event))
            while (order := self._pipe.recv())[0] != "answer":
                if order[0] == "leave":
                    return self._leave(interface)
                self._pipe.send(("reply", self._obey(interface, *order)))
        except (EOFError, OSError):  # the parent is gone
            return self._leave(interface)
        self.held = False
        return None

    def _obey(self, interface: Any, word: str, *arguments: Any) -> object:
        from tminterface.interface import ServerException

        if word == "set_step_period":
            (self._period_ms,) = arguments
        elif word == "state":
            try:
                return bytes(interface.get_simulation_state().data)
            except ServerException:
                return None
        elif word == "inputs":
            try:
                return str(interface.get_event_buffer().to_commands_str())
            except ServerException:
                return None
        else:
            call = {"execute": "execute_command", "set_response_timeout": "set_timeout"}.get(word, word)
            getattr(interface, call)(*arguments)
        return None

    def _leave(self, interface: Any) -> None:
        """Let the game go while it waits for us: whether it reads a farewell at another time is not known.

        The timeout is set back first, in case it does not read it even now. Never returns: the package would write its
        answer over the farewell.
        """
        interface.set_timeout(_LEAVE_TIMEOUT_MS)
        interface.close()  # writes the farewell, waits for nothing
        time.sleep(0.1)
        self.left.set()
        threading.Event().wait()
