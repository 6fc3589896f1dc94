"""Several worker processes that share the jobs of one run (`--processes`).

Each runs a worker (`worker_run.py`) with its share of `--n` and `--limit`, and sends its events to the first process,
which shows and logs them. Messages of other libraries are not logged. The first process handles Ctrl-C and tells the
others to stop. If it is killed, they stop as well.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue

import click

from tmxdb.child_processes import start
from tmxdb.cli import GC_THRESHOLD
from tmxdb.cli.actions.mirror.work_request import WorkRequest
from tmxdb.cli.actions.mirror.worker_run import open_worker_exchange, run_worker
from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.opening.database import close_at_end
from tmxdb.cli.shared.malloc import limit_malloc
from tmxdb.cli.shared.output import system_error
from tmxdb.cli.shared.signals import EXIT_AFTER_S, StopSignals
from tmxdb.db.database import Database
from tmxdb.errors import ResourcesExhausted, TmxdbError
from tmxdb.events import (
    CycleCompleted,
    DatabaseUnavailable,
    Event,
    EventBus,
    KindPaused,
    KindResumed,
    Notice,
    SitePaused,
    WaitingForPause,
    WaitingForRetry,
)
from tmxdb.queue.loop.run_options import COUNTED, Totals
from tmxdb.storage import Storage

POLL_S = 0.2
"""How often to look for a signal to pass on."""
_STOP, _STOP_NOW = "stop", "stop now"
News = tuple["_WorkerProcess", list[Event] | TmxdbError | None]
"""What a process has sent: events, or the error that ended its worker. None: it has ended."""
_SEEN_BY_ALL = (DatabaseUnavailable, KindPaused, KindResumed, SitePaused, WaitingForPause, WaitingForRetry)
"""Events that every process reports. Those of one process are shown."""


@dataclass(frozen=True)
class SharedRun:
    """What a process needs for its share of a run. `collection`: the id of the database."""

    request: WorkRequest
    root: Path
    collection: str
    sends_nothing: bool

    def with_limit(self, limit: int | None) -> SharedRun:
        """Return the same run with another `--limit`."""
        return replace(self, request=replace(self.request, work=replace(self.request.work, limit=limit)))

    def shares(self) -> list[SharedRun]:
        """Return one run for each process. Together they have the `--n` and the `--limit` of this one."""
        work, processes = self.request.work, self.request.processes
        ns = _shares(self.request.n, processes)
        limits = [None] * processes if work.limit is None else _shares(work.limit, processes)
        works = [replace(work, processes=1, n=n, limit=limit) for n, limit in zip(ns, limits, strict=True)]
        return [replace(self, request=replace(self.request, work=share)) for share in works]


def run_processes(run: SharedRun, events: EventBus, signals: StopSignals) -> Totals:
    """Run the processes until all have ended. Return what they did together.

    The others do the rows of a process that dies, and then the rest of its share of the limit. An error in one of them
    stops all, and is raised at the end. Raise ResourcesExhausted if all have died.
    """
    totals, limit = Totals(), run.request.work.limit
    events.subscribe(totals.count)
    left = limit
    while _run_all(run.with_limit(left), events, signals) and limit is not None and not signals.stop.is_set():
        left = limit - sum(map(totals.of, COUNTED))
        if left <= 0:
            break
    return totals


def _run_all(run: SharedRun, events: EventBus, signals: StopSignals) -> bool:
    """Run the processes until all have ended. Return whether one of them died."""
    reports = _Reports(events)
    error: TmxdbError | None = None
    received: SimpleQueue[News] = SimpleQueue()
    with _started(run.shares(), received) as processes:
        running = list(processes)
        while running:
            for process, news in _taken(received):
                if news is None:
                    running.remove(process)
                    if not process.has_ended_well():
                        events.emit(Notice(f"A worker process died: {process.how_it_ended()}.", "queue"))
                elif isinstance(news, TmxdbError):
                    error = error or news
                else:
                    for event in news:
                        reports.emit(event, process, is_first=process is running[0])
            if error is not None or signals.stop.is_set():
                for process in running:
                    process.tell(_STOP_NOW if signals.now.is_set() else _STOP)
            events.emit(CycleCompleted())
        well = [process.has_ended_well() for process in processes]
    if error is not None:
        raise error
    if not any(well):
        raise ResourcesExhausted("All worker processes died. Run the same command again to continue.")
    return not all(well)


class _WorkerProcess:
    """A worker process, as the first process sees it."""

    def __init__(self, run: SharedRun, received: SimpleQueue[News]) -> None:
        context = get_context("spawn")  # not forked: threads and database connections do not survive a fork
        self._events, events = context.Pipe(duplex=False)
        commands, self._commands = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(run, events, commands))
        self._told: set[str] = set()
        start(self._process)
        events.close()
        commands.close()
        # In a thread: on Windows, Ctrl-C interrupts the main thread in the middle of reading.
        self._reader = threading.Thread(target=self._read, args=(received,), name="tmxdb-events", daemon=True)
        self._reader.start()

    def _read(self, received: SimpleQueue[News]) -> None:
        """Add what the process sends to `received`, and None when it has ended."""
        try:
            with suppress(EOFError, OSError):
                while True:
                    received.put((self, self._events.recv()))
        finally:
            self._events.close()
            received.put((self, None))

    def tell(self, command: str) -> None:
        """Send `command`, unless it has been sent. Call this again later: Ctrl-C may interrupt it on Windows."""
        if command not in self._told:
            with suppress(OSError):  # also if it has ended
                self._commands.send(command)
                self._told.add(command)

    def has_ended_well(self) -> bool:
        """Wait for the end of the process. Return whether it ended by itself, with or without an error."""
        self._process.join()
        return self._process.exitcode == 0

    def how_it_ended(self) -> str:
        """Return the signal or the exit status of a process that has ended."""
        status = self._process.exitcode or 0
        return f"signal {-status}" if status < 0 else f"exit status {status}"

    def close(self) -> None:
        """Let the worker stop, if it still runs, and wait for it."""
        self._commands.close()
        self._process.join()
        self._reader.join()


class _Reports:
    """Emits the events of several processes; of those that all processes report, each once."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._last: dict[type[Event], tuple[str, _WorkerProcess]] = {}
        """The last event of each type in _SEEN_BY_ALL that the first running process sent, and that process."""

    def emit(self, event: Event, process: _WorkerProcess, *, is_first: bool) -> None:
        """Emit `event`, unless another process reports it as well. `is_first`: no process before it is running."""
        if not isinstance(event, _SEEN_BY_ALL):
            self._events.emit(event)
        elif is_first:
            text, of = str(event), type(event)
            last_text, last_process = self._last.get(of, ("", process))
            self._last[of] = text, process
            # When the first process ends, the next one reports again what is still true.
            if text != last_text or process is last_process:
                self._events.emit(event)


@contextmanager
def _started(runs: Sequence[SharedRun], received: SimpleQueue[News]) -> Iterator[list[_WorkerProcess]]:
    """Start a process for each of `runs`. None of them runs any longer at the end of the block."""
    processes: list[_WorkerProcess] = []
    try:
        for run in runs:
            processes.append(_WorkerProcess(run, received))
        yield processes
    finally:
        for process in processes:
            process.close()


def _taken(received: SimpleQueue[News]) -> Iterator[News]:
    """Wait at most POLL_S, then yield what has been received."""
    with suppress(Empty):
        yield received.get(timeout=POLL_S)
        for _ in range(received.qsize()):
            yield received.get_nowait()


def _shares(total: int, parts: int) -> list[int]:
    """Return `parts` numbers with the sum `total` that differ by at most 1."""
    return [total * (i + 1) // parts - total * i // parts for i in range(parts)]


def _work(run: SharedRun, events_out: Connection, commands: Connection) -> None:
    """Run one worker. This is what each process does."""
    gc.set_threshold(GC_THRESHOLD)
    limit_malloc()
    logging.disable(logging.CRITICAL)  # the first process logs the events
    stop, stop_now = threading.Event(), threading.Event()
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    threading.Thread(target=_obey, args=(commands, stop, stop_now), name="tmxdb-commands", daemon=True).start()
    sender = _EventSender(events_out)
    request, storage, events = run.request, Storage(run.root), EventBus(sender)
    try:
        with click.Context(click.Command("work")).scope():  # closes what `close_at_end` names
            database = Database(request.storage.location)
            close_at_end(database.close)
            database.abandon_on(stop_now)
            storage.identity.remember(run.collection)
            database.expect_id(run.collection)
            exchange, _ = open_worker_exchange(request, database, stop, sends_nothing=run.sends_nothing)
            run_worker(
                request,
                database,
                storage,
                exchange,
                events,
                stop=stop,
                stop_now=stop_now,
                note=lambda text: events.emit(Notice(text, "queue")),
            )
    except TmxdbError as error:
        sender.send_error(error)
    except OSError as error:
        sender.send_error(TmxdbError(system_error(error)))
    except Exception:  # noqa: BLE001  # a fault of tmxdb ends the run, as in a run with one process
        traceback.print_exc()
        sender.send_error(TmxdbError("A worker process failed. Its traceback is above: please report it."))
    finally:
        sender.flush()


def _obey(commands: Connection, stop: threading.Event, stop_now: threading.Event) -> None:
    """Set `stop` and `stop_now` as the first process asks. Set `stop` when it has ended.

    End this process if it is still running EXIT_AFTER_S after the second Ctrl-C.
    """
    try:
        while True:
            command = commands.recv()
            stop.set()
            if command == _STOP_NOW:
                stop_now.set()
                end = threading.Timer(EXIT_AFTER_S, os._exit, (INTERRUPTED,))
                end.daemon = True
                end.start()
    except (EOFError, OSError):
        stop.set()


class _EventSender:
    """Sends events to the first process: those of a cycle together, sentences for a person immediately."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Send `event` soon."""
        is_end = isinstance(event, CycleCompleted)
        with self._sending:
            if not is_end:
                self._events.append(event)
            if is_end or event.level >= logging.INFO:
                self._send_events()

    def flush(self) -> None:
        """Send what waits."""
        with self._sending:
            self._send_events()

    def send_error(self, error: TmxdbError) -> None:
        """Send the error that ended the worker, after all events."""
        with self._sending:
            self._send_events()
            self._send(error)

    def _send_events(self) -> None:
        if self._events:
            self._send(self._events)
            self._events = []

    def _send(self, news: list[Event] | TmxdbError) -> None:
        with suppress(OSError):  # the first process has ended; `_obey` stops this one
            self._connection.send(news)
