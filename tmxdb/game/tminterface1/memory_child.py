"""The child process in which the package `tminterface` talks to TMInterface 1.4, connected to its parent by a pipe.

The package waits without a limit (docs/facts/tminterface.md#shared-memory); the parent has the time limits and kills
this process. If the parent is killed, this process releases the game and exits.
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

from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Event, LapEvent, StepEvent

Pipe = Any
"""A multiprocessing connection. On Windows it has another class with the same methods."""
OpenMapping = Callable[[str, int], mmap.mmap]
"""Open the mapping of a name and size. Raise FileNotFoundError if no game has created it."""

LINGER_S = 3.0
"""How long leaving may take. The game reads the message while it waits for us, or in its next tick."""
RETRY_S = 0.25
_LEAVE_TIMEOUT_MS = 2000


def serve(pipe: Pipe, open_mapping: OpenMapping, name: str, size: int, timeout_s: float) -> None:
    """Run in the child: wait for the mapping, then let the package call `_Client`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which sends `leave`
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            mapping = open_mapping(name, size)
            break
        except FileNotFoundError:
            if time.monotonic() + RETRY_S > deadline:
                pipe.send(("lost", "there is no such game. Start it with TMInterface 1.4"))
                return
            time.sleep(RETRY_S)
    from tminterface.interface import TMInterface

    interface = TMInterface(name, size)
    interface.mfile = mapping
    client = _Client(pipe)
    pipe.send(("opened", None))
    interface.register(client)
    parent = multiprocessing.parent_process()
    while interface.running and not client.has_left.wait(0.5):
        if parent is not None and not parent.is_alive():  # killed
            client.has_left.wait(LINGER_S if client.held else 0)
            break
    os._exit(0)  # the package's thread may wait for ever


class _Client:
    """Called by the package in its thread: pass each event to the parent, then run its commands until `answer`.

    It has the methods of the package's class Client without inheriting from it, so that the package is imported late.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._period_ms = 1
        self.held = False
        self.has_left = threading.Event()

    def on_registered(self, interface: Any) -> None:
        self._hold(interface, ConnectedEvent())

    def on_run_step(self, interface: Any, race_time_ms: int) -> None:
        if race_time_ms % self._period_ms == 0:
            self._hold(interface, StepEvent(race_time_ms))

    def on_checkpoint_count_changed(self, interface: Any, current: int, target: int) -> None:
        self._hold(interface, CheckpointEvent(current, target))

    def on_laps_count_changed(self, interface: Any, current: int) -> None:
        self._hold(interface, LapEvent(current, -1))

    def on_simulation_begin(self, interface: Any) -> None:
        """A replay is being validated; tmxdb does nothing then."""

    def on_simulation_step(self, interface: Any, _time: int) -> None:
        """A replay is being validated."""

    def on_simulation_end(self, interface: Any, result: int) -> None:
        """A replay is being validated."""

    def on_custom_command(self, interface: Any, _from: int, _to: int, _command: str, _arguments: list[str]) -> None:
        """tmxdb registers no commands."""

    def on_bruteforce_evaluate(self, interface: Any, _info: Any) -> None:
        """Return None: the game goes on as it would without a client."""

    def on_deregistered(self, interface: Any) -> None:
        """Happens only when this process leaves."""

    def on_shutdown(self, interface: Any) -> None:
        self._pipe.send(("lost", "it was closed"))

    def on_client_exception(self, interface: Any, error: Exception) -> None:
        self._pipe.send(("lost", f"it sent an invalid message ({error})"))

    def _hold(self, interface: Any, event: Event) -> None:
        self.held = True
        try:
            self._pipe.send(("event", event))
            while (command := self._pipe.recv())[0] != "answer":
                if command[0] == "leave":
                    return self._leave(interface)
                self._pipe.send(("reply", self._run(interface, *command)))
        except (EOFError, OSError):  # the parent has ended
            return self._leave(interface)
        self.held = False
        return None

    def _run(self, interface: Any, name: str, *arguments: Any) -> object:
        from tminterface.interface import ServerException

        if name == "set_step_period":
            (self._period_ms,) = arguments
        elif name == "state":
            try:
                return bytes(interface.get_simulation_state().data)
            except ServerException:
                return None
        elif name == "inputs":
            try:
                return str(interface.get_event_buffer().to_commands_str())
            except ServerException:
                return None
        else:
            method = {"execute": "execute_command", "set_response_timeout": "set_timeout"}.get(name, name)
            getattr(interface, method)(*arguments)
        return None

    def _leave(self, interface: Any) -> None:
        """Release the game while it waits for us: whether it reads a farewell at another time is not known.

        The timeout is reset first, in case it does not read it even now. Never returns: the package would overwrite the
        farewell with its answer.
        """
        interface.set_timeout(_LEAVE_TIMEOUT_MS)
        interface.close()  # writes the farewell without waiting
        time.sleep(0.1)
        self.has_left.set()
        threading.Event().wait()
