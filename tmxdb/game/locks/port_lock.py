"""A lock on the port of a game, so that two workers do not use one game: each would disconnect the other."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from tmxdb.errors import InvalidInput, TmxdbError
from tmxdb.game.advice import SET_GAME_FOLDER
from tmxdb.game.port_files import PortFiles
from tmxdb.storage import disk_errors
from tmxdb.storage.file_lock import file_lock

_LOCKS = PortFiles("tmxdb-port-", ".lock")
WAIT_S = 3.0
"""How long to wait for the port: a worker that is ending still disconnects from its game."""


class PortLock:
    """The lock of one port among the processes that use the same game folder. It ends with its process."""

    def __init__(self, game_folder: Path, port: int) -> None:
        self._path, self._port = _LOCKS.path(game_folder, port), port
        self._held: ExitStack | None = None

    def acquire(self, wait_s: float | None = None) -> None:
        """Take the lock. Raise InvalidInput (input.port) if another process keeps it for `wait_s` seconds (WAIT_S)."""
        if self._held is not None:
            return
        with ExitStack() as stack:
            with disk_errors(str(self._path), instead=SET_GAME_FOLDER):
                held = stack.enter_context(file_lock(self._path, wait_s=WAIT_S if wait_s is None else wait_s))
            if not held:
                raise InvalidInput(
                    f"port {self._port} is used by another tmxdb, and a game takes one connection at a time. Wait until"
                    " that command ends, or start another game and set its port with --base-tmi-port.",
                    code="input.port",
                )
            self._held = stack.pop_all()

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._held is not None:
            held, self._held = self._held, None
            held.close()


def remove_free_locks(game_folder: Path) -> None:
    """Delete the lock files that killed processes left. One that is held stays."""
    for port in _LOCKS.ports(game_folder):
        lock = PortLock(game_folder, port)
        with suppress(TmxdbError):
            lock.acquire(0)
            lock.release()


def is_port_in_use(game_folder: Path, port: int) -> bool:
    """Return whether a worker uses the game on this port now."""
    lock = PortLock(game_folder, port)
    try:
        lock.acquire(0)
    except InvalidInput:
        return True
    lock.release()
    return False
