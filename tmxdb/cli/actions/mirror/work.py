"""What `tmxdb work` and `tmxdb run` do: claim pending rows and do their jobs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from tmxdb.cli.actions.mirror.plan import estimate_run
from tmxdb.cli.actions.mirror.work_request import WorkRequest, job_options_of
from tmxdb.cli.actions.mirror.worker_run import delete_partial_files, open_worker_exchange, run_worker
from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.opening.database import open_database, open_storage
from tmxdb.cli.opening.games import undo_game_leftovers
from tmxdb.cli.opening.remembered import remember_data, remember_typed
from tmxdb.cli.shared.malloc import limit_malloc
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.progress import ProgressDisplay
from tmxdb.cli.shared.signals import STOPPING_JOBS, StopSignals, stop_signals
from tmxdb.clock import span
from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.db.settings import database_id
from tmxdb.events import EventBus
from tmxdb.formats import estimate
from tmxdb.kinds import KINDS
from tmxdb.kinds.local import is_local_only
from tmxdb.queue.loop.run_options import Totals
from tmxdb.reports.counts import counts, open_rows
from tmxdb.upkeep.data_folder_check import check_data_folder


def do_work(request: WorkRequest) -> None:
    """Claim rows of the kinds and do their jobs until nothing is left; print what was done."""
    options = request.work
    request.check()
    limit_malloc()
    with stop_signals(STOPPING_JOBS) as signals:
        database = open_database(request.storage)
        database.abandon_on(signals.now)
        storage = open_storage(request.storage, database)
        request = replace(request, scope=request.only.or_remembered(database).scope(database))
        _remember(request, database)
        job_options = job_options_of(request, database)
        if "capture" in request.kinds and job_options.stuck_maps is not None:
            job_options.stuck_maps.create()
        if request.only_captures and not options.forever and not _has_open_captures(database, request.scope):
            delete_partial_files(database, storage)
            undo_game_leftovers(database, storage, request.games)
            return  # without a game, which may not be installed here
        with database.read() as connection:
            sends_nothing = request.only_captures or (
                not options.forever and is_local_only(connection, request.kinds, job_options)
            )
        exchange, rate = open_worker_exchange(request, database, signals.stop, sends_nothing=sends_nothing)
        if rate:
            ahead = estimate_run(database, request.kinds, options, job_options)
            size = (
                f" {estimate(ahead.requests, 'request', ahead.precision)} in {span(ahead.requests / rate)}."
                if ahead.requests
                else ""
            )
            message(
                f"Sending {exchange.site.base_url} at most {plural_rate(rate)}, all processes of this database together"
                f" (--rate).{size}"
            )
        check_data_folder(database, storage, changes=False)
        storage.check_writable()
        with database.write() as connection:
            collection = database_id(connection)
        storage.identity.remember(collection)
        remember_data(database, request.storage)  # only now: a folder that cannot be used is not remembered
        database.expect_id(collection)
        with ProgressDisplay(database, request.kinds, progress=options.progress, selection=request.scope) as display:
            signals.say, events = display.note, EventBus(display)
            if request.processes > 1:
                from tmxdb.cli.actions.mirror.worker_processes import SharedRun, run_processes

                shared = SharedRun(request, storage.root, collection, sends_nothing)
                totals, missed = run_processes(shared, events, signals), None
            else:
                stops = {"stop": signals.stop, "stop_now": signals.now}
                totals, missed = run_worker(request, database, storage, exchange, events, **stops, note=display.note)
        _end(database, request, totals, signals, missed)


def _remember(request: WorkRequest, database: Database) -> None:
    """Store what was typed, for the next run. A depth typed for some tracks is not that of the others."""
    options = request.work
    if "list" in request.kinds and request.scope is None:
        remember_typed(database, "top", "top", None if options.top is None else str(options.top))
    remember_typed(database, "name_template", "name_template", options.name_template)


def _end(database: Database, request: WorkRequest, totals: Totals, signals: StopSignals, missed: str | None) -> None:
    done, failed, skipped = totals.of("done"), totals.of("failed"), totals.of("skipped")
    retried = totals.of("retry")
    again = f"; {plural(retried, 'attempt')} had to be repeated" if retried else ""
    message(f"{done:,} done, {skipped:,} skipped, {failed:,} failed{again}.")
    if missed:
        message(missed)
    if not (done or skipped or failed or retried or signals.stop.is_set()):
        _explain_nothing(database, request.kinds, request.scope)
    if failed:
        message("`tmxdb errors` says why, and what to do.")
    with database.read() as connection:
        left = open_rows(connection, request.kinds, request.scope)
    if signals.stop.is_set():
        message(f"Interrupted: {plural(left, 'row')} left. Run the same command again to continue.")
        sys.exit(INTERRUPTED)
    if failed:
        sys.exit(SOME_FAILED)


def _explain_nothing(database: Database, kinds: list[str], scope: Scope | None) -> None:
    """Say why there was nothing to do: what the rows named are, or which rows of one kind open those of the next."""
    with database.read() as connection:
        table = counts(connection, scope)
    if scope is not None:
        message(_nothing_to_do(kinds, table))
    elif not any(table["list"].values()):
        message("The database has no tracks. Add some with `tmxdb sync-tracks` or `tmxdb add-tracks`.")
        return
    for kind, noun in (("list", "track"), ("download", "replay"), ("extract", "map")):
        waiting = table[kind]["pending"] + table[kind]["retry"]
        if waiting and kind not in kinds and any(KINDS.index(kind) < KINDS.index(later) for later in kinds):
            verb = "waits" if waiting == 1 else "wait"
            message(f"{plural(waiting, noun)} {verb} for `tmxdb work --kind {kind}`, which opens more work.")


def _nothing_to_do(kinds: list[str], table: Mapping[str, Mapping[str, int]]) -> str:
    states = [f"{kind}: {n:,} {status}" for kind in kinds for status, n in table[kind].items() if n]
    return f"Nothing to do ({'; '.join(states) or 'there are no such rows in any status'})."


def _has_open_captures(database: Database, scope: Scope | None) -> bool:
    """Return whether captures are left to do. If not, say so."""
    with database.read() as connection:
        requested = any(counts(connection)["capture"].values())
        chosen, left = counts(connection, scope), open_rows(connection, ["capture"], scope)
    if not requested:
        message("No captures are requested. Request some with `tmxdb add-captures`.")
    elif not left:
        message(_nothing_to_do(["capture"], chosen))
    return left > 0


def plural_rate(rate: float) -> str:
    """Return `4 requests per second`."""
    return f"{rate:g} request{'' if rate == 1 else 's'} per second"
