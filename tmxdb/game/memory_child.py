"""The process in which the package `tminterface` speaks with TMInterface 1.4: events into a pipe, commands out of it.

It may wait without limit here (sheet of TMInterface, section (b)); whoever started this process has the limits, and
kills it. When that one is killed itself, the game is let go and the process ends.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from tmxdb.game.driver import Checkpoint, Connected, Event, Lap, Step

Pipe = Any
"""A connection of multiprocessing; on Windows of another class, with the same methods."""
OpenMapping = Callable[[str, int], mmap.mmap]
"""Name and size to an open mapping. Raises FileNotFoundError if no game has made it."""

LINGER_S = 3.0
"""How long leaving may take; the game reads it while it waits for us, in its next tick if it runs."""
RETRY_S = 0.25
_LEAVE_TIMEOUT_MS = 2000


def serve(pipe: Pipe, open_mapping: OpenMapping, name: str, size: int, patience_s: float) -> None:
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
