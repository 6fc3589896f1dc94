"""Checks of the work: dead workers, clocks of other machines, paused kinds, failures, an unfinished verification."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select, text

from tmxdb.clock import from_iso
from tmxdb.db.models import WorkerRow
from tmxdb.db.settings import setting
from tmxdb.queue.pauses import pauses
from tmxdb.upkeep.doctor.finding import NOTE, OK, PROBLEM, DoctorFinding, Examined
from tmxdb.upkeep.doctor.site_checks import clock_against
from tmxdb.upkeep.stale_workers import registered_workers

FAILURES_SHOWN = 5


def workers(examined: Examined) -> Iterator[DoctorFinding]:
    """Find workers that have died and still hold rows."""
    if examined.database is None:
        return
    with examined.database.read() as connection:
        found = registered_workers(connection, examined.now_ms)
    for worker in found:
        if not worker.alive:
            yield DoctorFinding(PROBLEM, f"dead: worker {worker}", "tmxdb release")
    alive = sum(worker.alive for worker in found)
    if alive:
        yield DoctorFinding(OK, f"{alive} alive")


def clocks(examined: Examined) -> Iterator[DoctorFinding]:
    """Find a worker of another machine whose clock is ahead of this one."""
    if examined.database is None:
        return
    with examined.database.read() as connection:
        newest = connection.execute(select(func.max(WorkerRow.heartbeat_at))).scalar()
    if newest is not None and from_iso(newest) > examined.now_ms:
        yield from clock_against(from_iso(newest) / 1000, examined.now_ms / 1000, "a worker of this database")


def paused_kinds(examined: Examined) -> Iterator[DoctorFinding]:
    """Report kinds that a user has paused."""
    if examined.database is None:
        return
    with examined.database.read() as connection:
        active = pauses(connection, examined.now_ms)
    for paused in active:
        yield DoctorFinding(NOTE, str(paused), f"tmxdb resume {paused.kind}")


def failures(examined: Examined) -> Iterator[DoctorFinding]:
    """Report the most frequent reasons of failed rows."""
    if examined.database is None:
        return
    query = text(
        "SELECT kind, error_code, n FROM failures WHERE status = 'failed' ORDER BY n DESC, kind, error_code LIMIT :most"
    )
    with examined.database.read() as connection:
        rows = connection.execute(query, {"most": FAILURES_SHOWN}).fetchall()
    for kind, code, n in rows:
        noun = "row" if n == 1 else "rows"
        yield DoctorFinding(NOTE, f"{n:,} {kind} {noun} failed: {code}", f"tmxdb retry --kind {kind} --code {code}")


def verification(examined: Examined) -> Iterator[DoctorFinding]:
    """Report a verification that was interrupted."""
    if examined.database is None:
        return
    with examined.database.read() as connection:
        unfinished = setting(connection, "verify")
    if unfinished is not None:
        yield DoctorFinding(NOTE, "a verification was interrupted", "tmxdb verify")
