"""Processes that leave Ctrl-C to the command that starts them, one by one or as a pool.

A terminal sends Ctrl-C to all of its processes. One that has just started would end with a traceback, before it can
ignore the signal itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import ParamSpec, TypeVar

from tmxdb.errors import ResourcesExhausted

P = ParamSpec("P")
T = TypeVar("T")
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


def start(process: BaseProcess) -> None:
    """Start a process of `multiprocessing` that ignores Ctrl-C."""
    if sys.platform != "win32":
        resource_tracker.ensure_running()  # the first process would start it, which unblocks the signal
    with without_ctrl_c():
        process.start()


@contextmanager
def process_pool(n: int) -> Iterator[ProcessPoolExecutor]:
    """Within the block, provide a pool of `n` processes, at most MAX_PROCESSES.

    They ignore Ctrl-C: the command stops giving them work. They end with the process that started them, also if it is
    killed. Raise ResourcesExhausted if one of them dies.
    """
    # Not forked: connections to a database and threads do not survive a fork.
    context = get_context("spawn")
    try:
        with _Pool(min(n, MAX_PROCESSES), mp_context=context, initializer=_end_with_parent) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise ResourcesExhausted(
            "A process that read files died, perhaps because this machine has no memory left. Run the same command"
            " again, with fewer processes: nothing is lost."
        ) from error


def end_processes() -> None:
    """End the processes of all pools of this process, whatever they are doing."""
    for child in active_children():
        child.terminate()


class _Pool(ProcessPoolExecutor):
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in one of the processes, which is started if there are too few."""
        with without_ctrl_c():
            return super().submit(fn, *args, **kwargs)


def _end_with_parent() -> None:
    """End this process when the one that started it has ended: a killed one does not close its pool."""
    threading.Thread(target=_wait_for_parent, name="tmxdb-parent", daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
