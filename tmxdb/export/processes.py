"""A pool of processes that leaves Ctrl-C to the command: reading files takes processor time, and threads share one."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait

_MOST = 61
"""Windows cannot wait for more: `ProcessPoolExecutor` refuses them there."""


def process_pool(n: int) -> ProcessPoolExecutor:
    """Return a pool of `n` processes, at most 61, to be used in a `with` block.

    They are not forked, because the database's connections and threads do not survive a fork. They ignore SIGINT, which
    a terminal sends to all of them: the command stops giving them work. They end with the process that started them,
    also if it is killed.
    """
    return ProcessPoolExecutor(min(n, _MOST), mp_context=get_context("spawn"), initializer=_prepare)


def end_processes() -> None:
    """End the processes of all pools of this process, whatever they are doing."""
    for child in active_children():
        child.terminate()


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="tmxdb-parent", daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one: a killed one does not close the pool."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
