"""Kill, suspend and interrupt the processes of tests, on every system."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.forked import AnyProcess
from tmxdb.storage.folder_identity import MARKER

KILL_MYSELF = 'os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))'
"""In the program of a child that imports `os` and `signal`. Windows terminates for every signal of `os.kill`."""

needs_ctrl_c = pytest.mark.skipif(
    os.name != "posix", reason="Windows sends Ctrl-C to all programs of a console, never to one process"
)
"""Windows could send Ctrl-Break to a process group, but Wine 8 passes on Ctrl-C only: error 6 or 12.
tests/cli/test_signals.py raises the signals in one process instead, and `run.py windows` interrupts a worker."""
needs_posix_permissions = pytest.mark.skipif(os.name != "posix", reason="Windows has no permissions of POSIX")


def link_folder(link: Path, target: Path) -> None:
    """Link a folder: with a symbolic link, or with a junction where these are for administrators only."""
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(str(target), str(link))
    else:
        link.symlink_to(target)


needs_symlinks = pytest.mark.skipif(os.name != "posix", reason="Windows allows symbolic links to administrators only")


def was_killed(returncode: int | None) -> bool:
    """Return whether a process ended by `Popen.kill` or by KILL_MYSELF."""
    return returncode in ((-signal.SIGKILL,) if os.name == "posix" else (1, signal.SIGTERM))


@contextmanager
def killed_at_end(process: AnyProcess) -> Iterator[None]:
    """Kill a process that still runs at the end of the block: a test that fails would otherwise wait for it."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()


def is_running(process: int | psutil.Process) -> bool:
    """Return whether a process, or the one of this id, has not ended. It may end while it is looked at."""
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return bool(found.is_running() and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def suspend(process: AnyProcess) -> None:
    """Stop a process from running, as SIGSTOP does."""
    psutil.Process(process.pid).suspend()


def resume(process: AnyProcess) -> None:
    """Let a suspended process continue, as SIGCONT does."""
    psutil.Process(process.pid).resume()


if sys.platform == "win32":
    import msvcrt

    def is_publishing(data: Path) -> bool:
        """Return whether any process holds the lock of a path in the data folder (`tmxdb/storage/path_lock.py`)."""
        with (data / MARKER).open("rb+") as file:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 2**31 - 1)
            except OSError:
                return True
        return False

else:
    import fcntl

    def is_publishing(data: Path) -> bool:
        """Return whether any process holds the lock of a path in the data folder (`tmxdb/storage/path_lock.py`)."""
        with (data / MARKER).open("rb+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of all bytes
            except OSError:
                return True
        return False
