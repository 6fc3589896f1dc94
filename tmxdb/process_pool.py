"""A pool of processes that leave Ctrl-C to the command that starts them, and end with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import ParamSpec, TypeVar

from tmxdb.child_processes import MAX_PROCESSES, without_ctrl_c
from tmxdb.errors import ResourcesExhausted

P = ParamSpec("P")
T = TypeVar("T")


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


def end_processes(pool: ProcessPoolExecutor) -> None:
    """End all processes that pools have started, whatever they are doing, and wait for the thread of `pool`.

    Without that, the program may end while the thread closes its pipe, and Python prints a traceback.
    """
    for child in active_children():
        child.terminate()
    pool.shutdown(cancel_futures=True)


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
