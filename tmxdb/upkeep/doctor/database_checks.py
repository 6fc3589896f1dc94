"""Checks of the database: its revision, its content, its write-ahead log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tmxdb.db.engines.network_share import warning
from tmxdb.db.engines.sqlite_file import WARN_WAL_BYTES, wal_bytes
from tmxdb.db.revision import HEAD
from tmxdb.upkeep.doctor.finding import NOTE, OK, PROBLEM, WARNING, DoctorFinding, Examined

QUICK_BYTES = 500_000_000
"""Up to this size the content is checked without --deep: it takes about a second."""
SHOWN = 3
"""How many of the problems that SQLite found in a file are shown."""
_CURES = {
    "db.missing": "tmxdb migrate",
    "db.older": "tmxdb migrate",
    "db.newer": "pip install --upgrade tmxdb",
    "db.folder": "tmxdb --db tmx.db doctor",
    "db.foreign": "tmxdb --db tmx.db doctor",
}


def database(examined: Examined) -> Iterator[DoctorFinding]:
    """Check that the database can be used by this version."""
    if examined.trouble is not None:
        yield DoctorFinding(PROBLEM, str(examined.trouble), _CURES.get(examined.trouble.code))
    elif examined.database is not None:
        yield DoctorFinding(OK, f"{examined.database.name}, revision {HEAD}")
        share = warning(examined.database.path)
        if share is not None:
            yield DoctorFinding(WARNING, share.removeprefix("Warning: "), "tmxdb copy-db tmx.db LOCAL.db")


def integrity(examined: Examined) -> Iterator[DoctorFinding]:
    """Check the content of a SQLite file; of a large one only with --deep."""
    if examined.database is None or examined.database.path is None:
        return
    size = examined.database.path.stat().st_size
    if size > QUICK_BYTES and not examined.deep:
        yield DoctorFinding(NOTE, f"the file has {size / 1e6:,.0f} MB and was not read", "tmxdb doctor --deep")
        return
    errors = list(_damage(row["quick_check"] for row in examined.database.rows("PRAGMA quick_check(20)")))
    if errors:
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        found = f"the file is damaged: {'; '.join(errors[:SHOWN])}{more}"
        yield DoctorFinding(PROBLEM, found, f"sqlite3 {examined.database.path} .recover | sqlite3 recovered.db")
    else:
        yield DoctorFinding(OK, "the file is whole")


def _damage(results: Iterable[str]) -> Iterator[str]:
    """Yield each problem in the results of SQLite, one of which can have a heading and many lines."""
    for result in results:
        for line in result.splitlines():
            if line != "ok" and not line.startswith("***"):
                yield line


def write_ahead_log(examined: Examined) -> Iterator[DoctorFinding]:
    """Check that no reader keeps the write-ahead log of a SQLite file from being truncated."""
    if examined.database is None or examined.database.path is None:
        return
    size = wal_bytes(examined.database.path)
    if size > WARN_WAL_BYTES:
        found = f"the write-ahead log has {size / 1e6:,.0f} MB: a program reads the database for a long time"
        yield DoctorFinding(WARNING, f"{found}, or is suspended; close it", "tmxdb status")
