"""Checks of the work: dead workers, clocks of other machines, paused kinds, failures, an unfinished verification."""

from __future__ import annotations

from collections.abc import Iterator

from tmxdb.clock import from_iso, iso
from tmxdb.process_identity import may_live
from tmxdb.queue.paused import ACTIVE_PAUSES, Paused
from tmxdb.upkeep.doctor.finding import NOTE, OK, PROBLEM, DoctorFinding, Examined
from tmxdb.upkeep.doctor.site_checks import clock_against

FAILURES_SHOWN = 5
_WORKERS = "SELECT worker_id, host, machine, pid, process_started_ms, heartbeat_at FROM workers ORDER BY started_at"
_FAILURES = """
SELECT kind, error_code, n FROM failures WHERE status = 'failed' ORDER BY n DESC, kind, error_code LIMIT :most"""


def workers(examined: Examined) -> Iterator[DoctorFinding]:
    """Find workers that have died and still hold rows."""
    if examined.database is None:
        return
    alive = 0
    for worker in examined.database.rows(_WORKERS):
        if may_live(worker):
            alive += 1
            continue
        process = f"process {worker['pid']} on {worker['host']}, last heartbeat {worker['heartbeat_at']}"
        yield DoctorFinding(PROBLEM, f"dead: worker {worker['worker_id']} ({process})", "tmxdb release")
    if alive:
        yield DoctorFinding(OK, f"{alive} alive")


def clocks(examined: Examined) -> Iterator[DoctorFinding]:
    """Compare the clock of this machine with that of the database's server, or with the last heartbeat."""
    if examined.database is None:
        return
    if examined.database.path is None:
        server_s = examined.database.now_ms() / 1000
        yield from clock_against(server_s, examined.now_ms / 1000, "the server of this database")
        return
    newest = examined.database.value("SELECT max(heartbeat_at) AS newest FROM workers")
    if newest is not None and from_iso(newest) > examined.now_ms:
        yield from clock_against(from_iso(newest) / 1000, examined.now_ms / 1000, "a worker of this database")


def paused_kinds(examined: Examined) -> Iterator[DoctorFinding]:
    """Report kinds that a user has paused."""
    if examined.database is None:
        return
    active = examined.database.rows(ACTIVE_PAUSES, now=iso(examined.database.now_ms()))
    for paused in (Paused(**row) for row in active):
        yield DoctorFinding(NOTE, str(paused), f"tmxdb resume {paused.kind}")


def failures(examined: Examined) -> Iterator[DoctorFinding]:
    """Report the most frequent reasons of failed rows."""
    if examined.database is None:
        return
    for row in examined.database.rows(_FAILURES, most=FAILURES_SHOWN):
        kind, code, n = row["kind"], row["error_code"], row["n"]
        noun = "row" if n == 1 else "rows"
        yield DoctorFinding(NOTE, f"{n:,} {kind} {noun} failed: {code}", f"tmxdb retry --kind {kind} --code {code}")


def verification(examined: Examined) -> Iterator[DoctorFinding]:
    """Report a verification that was interrupted."""
    if examined.database is None:
        return
    if examined.database.value("SELECT value FROM settings WHERE key = 'verify'") is not None:
        yield DoctorFinding(NOTE, "a verification was interrupted", "tmxdb verify")
