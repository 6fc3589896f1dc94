"""`tmxdb watch`: sync, refresh and run on a schedule, whatever happens in between.

Each step is a process of its own, so that nothing it meets ends the watch. When the next round is due is in the
database: a watch that was killed continues, and a round that was cut off is done again.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.child_processes import with_this_tmxdb
from tmxdb.cli.exit_status import INTERRUPTED, OK, SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.opening.remembered import is_typed
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.logs import rotating_file
from tmxdb.cli.shared.output import message, safe
from tmxdb.cli.shared.parse_time import span_s
from tmxdb.cli.shared.signals import held_from_child, stop_signals
from tmxdb.clock import iso, span, wall_clock
from tmxdb.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.upkeep.schedule import Schedule, WatchState

LOOK_S = 30.0
"""How often to look at the clock while nothing is due: a computer that slept is noticed within this."""
UNAVAILABLE_S = 30.0
ONCE_UNAVAILABLE_S = 600.0
"""How long `--once` waits for a database that is away; without it, a watch waits for any time."""
_OTHER_FILE = frozenset({"db.replaced", "db.foreign", "db.broken", "db.newer", "db.other_site"})
"""Errors of a database that only another file, or another version of tmxdb, repairs: this process uses neither."""
GRACE_S = 60.0
"""How long a step may take to end in good order when the watch is stopped."""


@dataclass(frozen=True)
class WatchOptions:
    """When to work, and how much to look."""

    every: str | None = option_field(
        "--every", metavar="SPAN", help="Time from the start of a round to the next: 6h, 1d.  [default: 1d]"
    )
    at: tuple[str, ...] = option_field(
        "--at", multiple=True, metavar="HH:MM", help="Time of day of a round, on this computer's clock; repeatable."
    )
    older_than: str = option_field(
        "--older-than", metavar="SPAN", default="7d", show_default=True, help="As in `tmxdb refresh`."
    )
    max_requests: int | None = option_field(
        "--max-requests", type=int_range(1), metavar="N", help="As in `tmxdb refresh`, for each round."
    )
    log: str | None = option_field("--log", metavar="FILE", help="Log file.  [default: watch.log beside the database]")
    once: bool = option_field("--once", is_flag=True, default=False, help="Do one round if it is due, then end.")

    def schedule(self) -> Schedule:
        """Return when rounds are due. Raise UsageError for values that are not times."""
        from tmxdb.upkeep.schedule import Schedule

        if self.every is not None and self.at:
            raise UsageError("Give --every or --at, not both.", code="input.time")
        try:
            minutes = tuple(_minutes(text) for text in self.at)
            _span_s("--older-than", self.older_than)
            every_s = _span_s("--every", "1d" if self.every is None else self.every)
            if every_s == 0:
                raise ValueError(f"--every {self.every} must be longer than 0")
            return Schedule(None, minutes) if minutes else Schedule(every_s * 1000)
        except ValueError as error:
            raise UsageError(f"{error}. Write a span as 6h or 1d, a time of day as 03:30.", code="input.time") from None


@command()
def watch(options: WatchOptions, only: OnlyOption, storage: StorageOptions, exchange: ExchangeOptions) -> None:
    """Stay current: sync, refresh and run on a schedule, until Ctrl-C.

    \b
      tmxdb watch --every 6h
      tmxdb watch --at 03:30 --only best --max-requests 500
      tmxdb watch --once

    It survives outages, restarts and kills: the time of the next round is in the
    database. With --once, another scheduler decides when to start it. Units for
    systemd, cron and Windows: docs/how-to/stay-current.md.
    """
    from tmxdb.cli.opening.exchange import site_and_contact
    from tmxdb.db.database_clock import time_of
    from tmxdb.upkeep.schedule import after_round, refuse_second, save

    schedule = options.schedule()
    database = open_database(storage)
    only.selection(database)
    chosen = only.or_remembered(database).only
    site_and_contact(storage, exchange, database)
    with database.read() as connection:
        refuse_second(connection)
    log = _log_to(options.log or _beside(database))
    give_up_s = time.monotonic() + ONCE_UNAVAILABLE_S
    with stop_signals() as signals:
        signals.say = lambda text: log.info("Stopping after this step.")
        while not signals.stop.is_set():
            try:
                state = _wait(database, signals.stop, log, schedule, once=options.once)
                if state is None:
                    break
                with database.read() as connection:
                    began_ms = time_of(connection)  # `changes` compares it with the times of rows
                # Not in the future, which `changes` refuses: the clock may have been set back since.
                since_ms = min(began_ms if state.since_ms is None else state.since_ms, began_ms - 1000)
                steps = _steps(database, options, storage, chosen, since_ms)
                started_ms = wall_clock()  # rounds follow the clock of this computer
                succeeded = _round(steps, _environment(storage, exchange), signals.stop, log)
                if signals.stop.is_set():
                    break  # the round is due as before
                ended_ms = wall_clock()
                following_ms = schedule.after(started_ms, ended_ms)
                state = after_round(state, began_ms, ended_ms, following_ms, succeeded=succeeded)
                with database.write() as connection:
                    save(connection, state)
                log.info("The next round is due at %s.", iso(state.due_ms))
                if options.once:
                    sys.exit(OK if succeeded else SOME_FAILED)
            except DatabaseError as error:
                if not _may_pass(error, database) or (options.once and time.monotonic() > give_up_s):
                    raise
                log.warning("%s Trying again in %s.", error, span(UNAVAILABLE_S))
                _pause(signals.stop, UNAVAILABLE_S)
    if signals.stop.is_set():
        sys.exit(INTERRUPTED)


def _may_pass(error: DatabaseError, database: Database) -> bool:
    """Return whether the database may work again. One whose file is away, as on an unplugged disk, may come back."""
    is_away = database.path is not None and not database.path.exists()
    return is_away or error.code not in _OTHER_FILE


def _pause(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


def _wait(
    database: Database, stop: threading.Event, log: logging.Logger, schedule: Schedule, *, once: bool
) -> WatchState | None:
    """Wait until a round is due by `schedule`. Return None if the watch ends before that."""
    from tmxdb.upkeep.schedule import WatchState, load, rescheduled, save

    with database.write() as connection:
        former = load(connection) or WatchState(wall_clock())
        state = rescheduled(former, schedule, wall_clock())
        save(connection, state)
    if former.schedule is not None and state.schedule != former.schedule:
        log.info("New schedule: %s instead of %s.", state.schedule, former.schedule)
    said = False
    while state.due_ms > wall_clock():
        if once:
            message(f"The next round is due at {iso(state.due_ms)}.")
            return None
        if not said:
            log.info("Waiting for the round at %s.", iso(state.due_ms))
            said = True
        if stop.wait(min(LOOK_S, max((state.due_ms - wall_clock()) / 1000, 0.05))):
            return None
        # A clock that was set back must not put the round off.
        current = rescheduled(state, schedule, wall_clock())
        if current != state:
            state, said = current, False
            with database.write() as connection:
                save(connection, state)
    return state


def _steps(
    database: Database, options: WatchOptions, storage: StorageOptions, only: str | None, since_ms: int
) -> list[list[str]]:
    """Return the commands of a round. `since_ms`: when the last complete one began."""
    name = [] if only is None else ["--only", only]
    folder = [f"--data={storage.data}"] if storage.data and is_typed("data") else []  # typed: `run` remembers it
    budget = [] if options.max_requests is None else ["--max-requests", str(options.max_requests)]
    return [
        *([["sync-tracks", "--no-progress", *name]] if only is not None or _has_list(database) else []),
        ["refresh", "--no-progress", "--older-than", options.older_than, *budget, *name],
        ["run", "--no-progress", *folder, *name],
        ["changes", "--since", iso(since_ms), *name],
    ]


def _environment(storage: StorageOptions, exchange: ExchangeOptions) -> dict[str, str]:
    """Return the environment of the steps, with the options of the watch in it.

    Every user of a machine can read the arguments of its processes: a database's URL may contain a password, and a
    contact is an address.
    """
    given = {
        "TMXDB_DB": storage.location,
        "TMXDB_DATA": storage.data,
        "TMXDB_SITE": exchange.site,
        "TMXDB_CONTACT": exchange.contact,
        "TMXDB_RATE": None if exchange.rate is None else f"{exchange.rate:g}",
    }
    return with_this_tmxdb(os.environ) | {name: value for name, value in given.items() if value is not None}


def _round(steps: list[list[str]], environment: dict[str, str], stop: threading.Event, log: logging.Logger) -> bool:
    """Do the steps of a round; return whether none of them failed."""
    succeeded = True
    for step in steps:
        if stop.is_set():
            return False
        status = _step(step, environment, stop, log)
        # Rows that failed are no reason to do the round again; they wait for `tmxdb retry`.
        succeeded = succeeded and status in (OK, SOME_FAILED)
    return succeeded


def _step(step: list[str], environment: dict[str, str], stop: threading.Event, log: logging.Logger) -> int:
    """Run one command; log what it prints, and return its exit status."""
    words = [sys.executable, "-m", "tmxdb", *step]
    log.info("tmxdb %s", " ".join(step))
    try:
        with held_from_child():
            started = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                encoding="utf-8", errors="replace", env=environment,
            )  # fmt: skip
        with started as process:
            ender = threading.Thread(target=_end_when_stopped, args=(process, stop), daemon=True)
            ender.start()
            for line in process.stdout or ():
                log.info("%s: %s", step[0], line.rstrip())
            status = process.wait()
            ender.join()
    except OSError as error:
        log.error("%s could not be started: %s.", step[0], error.strerror)
        return 1
    if status not in (OK, SOME_FAILED):
        log.warning("%s ended with exit status %d.", step[0], status)
    return status


def _end_when_stopped(process: subprocess.Popen[str], stop: threading.Event) -> None:
    """Ask the step to end in good order when the watch is stopped; kill it if it takes too long.

    Ctrl-C reaches the step as well, but SIGTERM may have been sent to the watch alone.
    """
    while process.poll() is None:
        if stop.wait(0.2):
            if os.name != "nt":  # on Windows `terminate` kills, and Ctrl-C is all that stops a watch in good order
                process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            return


def _has_list(database: Database) -> bool:
    """Return whether a plain `sync-tracks` reads no more than was chosen: selections, or the whole list."""
    from tmxdb.selections.store import listed
    from tmxdb.sync.filters import Filters
    from tmxdb.sync.store import known_sync
    from tmxdb.sync.walk import UPLOADED

    with database.read() as connection:
        return bool(listed(connection)) or known_sync(connection, Filters().scope(UPLOADED)) is not None


def _beside(database: Database) -> str:
    return "watch.log" if database.path is None else str(database.path.absolute().parent / "watch.log")


def _log_to(path: str) -> logging.Logger:
    """Return a logger that writes to a file, 5 of 10 MB at most, and to stderr."""
    log = logging.getLogger(__name__)
    handlers: list[logging.Handler] = [rotating_file(Path(path), "--log"), _ToStderr()]
    for handler in handlers:
        handler.setFormatter(_Line())
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False

    def end() -> None:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()

    click.get_current_context().call_on_close(end)
    return log


class _ToStderr(logging.Handler):
    """Prints the line; a closed stderr is no reason to end."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line of `record`."""
        message(self.format(record))


class _Line(logging.Formatter):
    """One line: time in UTC and message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with control characters escaped."""
        return safe(f"{iso(round(record.created * 1000))} {record.getMessage()}", keep="")


def _span_s(option: str, text: str) -> int:
    try:
        return span_s(text)
    except ValueError as error:
        raise ValueError(f"{option} {error}") from None


def _minutes(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    if found is None or int(found[1]) >= 24 or int(found[2]) >= 60:
        raise ValueError(f"--at {text[:20]!r} is not a time of day")
    return int(found[1]) * 60 + int(found[2])
