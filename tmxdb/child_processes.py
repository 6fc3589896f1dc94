"""Processes that leave Ctrl-C to the command that starts them, and import the same tmxdb.

A terminal sends Ctrl-C to all of its processes. One that has just started would end with a traceback, before it can
ignore the signal itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

MAX_PROCESSES = 61
"""Windows waits for at most 63 handles at once, and a pool needs two
(https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitformultipleobjects)."""

if sys.platform == "win32":
    import ctypes

    @contextmanager
    def without_ctrl_c() -> Iterator[None]:
        """Let processes that are started within the block ignore Ctrl-C.

        Ignoring it is inherited (https://learn.microsoft.com/windows/console/setconsolectrlhandler). Within the block
        this process ignores it, too.
        """
        ctypes.windll.kernel32.SetConsoleCtrlHandler(None, True)
        try:
            yield
        finally:
            ctypes.windll.kernel32.SetConsoleCtrlHandler(None, False)

else:

    @contextmanager
    def without_ctrl_c() -> Iterator[None]:
        """Let processes that are started within the block ignore Ctrl-C.

        A blocked signal stays blocked in a new process. Here it arrives at the end of the block.
        """
        former = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)


def with_this_tmxdb(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with this package first on the path of `python -m`: it may not be installed."""
    paths = [str(Path(__file__).resolve().parents[1]), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def start(process: BaseProcess) -> None:
    """Start a process of `multiprocessing` that ignores Ctrl-C."""
    if sys.platform != "win32":
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # the first process would start it, which unblocks the signal
    with without_ctrl_c():
        process.start()
