"""Checks of this machine: versions, settings, the data folder, the disk, the game."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import platform
import sqlite3
from collections.abc import Iterator

from tmxdb import __version__
from tmxdb.db.engines.sqlite_file import OLDEST_SQLITE
from tmxdb.game import check as game_checks
from tmxdb.upkeep.data_folder_check import SampledFiles, folder_problem, look_at, sampled_paths
from tmxdb.upkeep.doctor.finding import NOTE, OK, PROBLEM, WARNING, DoctorFinding, Examined

LITTLE_BYTES, ALMOST_NOTHING = 2_000_000_000, 100_000_000
MANY_REQUESTS = 10.0
"""Requests per second that are a lot for a site run by volunteers."""
TYPICAL_REPLAY_BYTES = 30_000
_LIBRARIES = ("SQLAlchemy", "alembic", "click", "requests", "pycurl", "msgspec", "lzokay")
_DOWNLOADS = "SELECT status, sum(n) AS n, sum(bytes) AS bytes FROM tally WHERE kind = 'download' GROUP BY status"


def versions(examined: Examined) -> Iterator[DoctorFinding]:
    """Report the versions that a bug report needs, and check that of SQLite."""
    yield DoctorFinding(OK, f"tmxdb {__version__}, Python {platform.python_version()}, {platform.platform()}")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        found = f"SQLite {sqlite3.sqlite_version} is older than {needed}; use a newer Python"
        yield DoctorFinding(PROBLEM, found, "https://www.python.org/downloads/")
    names = []
    for name in _LIBRARIES:
        try:
            names.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield DoctorFinding(PROBLEM, f"{name} is not installed", "pip install --force-reinstall tmxdb")
    yield DoctorFinding(OK, f"SQLite {sqlite3.sqlite_version}, {', '.join(names)}")


def settings(examined: Examined) -> Iterator[DoctorFinding]:
    """Check for settings that have no effect, or more than is polite."""
    known = examined.known_variables
    for name in sorted(examined.environment):
        if name.startswith("TMXDB_") and name not in known and not name.endswith("_COMPLETE"):
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            yield DoctorFinding(
                WARNING, f"the environment variable {name} is not one of tmxdb's{meant}", f"unset {name}"
            )
    if examined.ignored_in_dot_env:
        names = ", ".join(examined.ignored_in_dot_env[:5])
        yield DoctorFinding(NOTE, f".env names variables that tmxdb does not read: {names}", None)
    if examined.database is not None and examined.site is not None and not examined.site.is_loopback:
        limit_row = examined.database.row("SELECT rate FROM rate_limit WHERE id = 1")
        rate = None if limit_row is None else limit_row["rate"]
        if limit_row is not None and (rate is None or rate > MANY_REQUESTS):
            limit = "no rate limit" if rate is None else f"{rate:g} requests per second"
            found = f"{limit} for {examined.site.base_url}, which volunteers run"
            yield DoctorFinding(WARNING, found, "tmxdb run --rate 4")


def data_folder(examined: Examined) -> Iterator[DoctorFinding]:
    """Check that the data folder exists, has the files that rows name, and can be written."""
    root, found = examined.storage.root, look_at(examined.storage, _some_paths(examined))
    if found.unreadable is not None:
        yield DoctorFinding(PROBLEM, f"{found.unreadable}; check the permissions", "tmxdb verify")
        return
    if not os.path.isdir(root):
        yield _no_folder(examined, found)
        return
    problem = folder_problem(root, found)
    if problem is not None:
        is_other = found.missing == found.n
        cure = "tmxdb config set data FOLDER" if is_other else "tmxdb verify"
        yield DoctorFinding(PROBLEM if is_other else WARNING, problem, cure)
    if not os.access(root, os.W_OK | os.X_OK):
        yield DoctorFinding(PROBLEM, f"{root} cannot be written; check its permissions", "tmxdb --data FOLDER run")
    elif problem is None:
        yield DoctorFinding(OK, str(root))


def _no_folder(examined: Examined, looked_at: SampledFiles) -> DoctorFinding:
    root = examined.storage.root
    if os.path.lexists(root):
        return DoctorFinding(PROBLEM, f"{root} is not a folder", "tmxdb config set data FOLDER")
    done, _ = _downloads(examined).get("done", (0, 0))
    if done and looked_at.missing:
        replays = "replay" if done == 1 else "replays"
        found = f"{root} does not exist, but the database lists {done:,} downloaded {replays}"
        return DoctorFinding(PROBLEM, found, "tmxdb --data FOLDER verify")
    return DoctorFinding(NOTE, f"{root} does not exist yet; the first run creates it")


def disk(examined: Examined) -> Iterator[DoctorFinding]:
    """Check that what is still to be downloaded fits the disk."""
    free = examined.storage.free_bytes()
    if free is None:
        return
    downloads = _downloads(examined)
    waiting = sum(downloads.get(status, (0, 0))[0] for status in ("pending", "retry", "running"))
    n, size = downloads.get("done", (0, 0))
    wanted = waiting * (size // n if n else TYPICAL_REPLAY_BYTES)
    found = f"{free / 1e9:,.1f} GB free, about {wanted / 1e9:,.1f} GB to download"
    if free < ALMOST_NOTHING:
        yield DoctorFinding(PROBLEM, f"{free / 1e6:,.0f} MB free", "tmxdb --data FOLDER run")
    elif free < wanted or free < LITTLE_BYTES:
        yield DoctorFinding(WARNING, found, "tmxdb --data FOLDER run")
    else:
        yield DoctorFinding(OK, found)


def game(examined: Examined) -> Iterator[DoctorFinding]:
    """Check what captures need. Without any capture requested, what is missing is only a note."""
    wanted = False
    if examined.database is not None:
        wanted = examined.database.row("SELECT capture_id FROM captures LIMIT 1") is not None
    environment = examined.environment
    folders = [
        next((environment[name] for name in names if environment.get(name)), None)
        for names in (
            ("TMXDB_TRACKMANIA_PATH", "TRACKMANIA_BASE_PATH"),
            ("TMXDB_TMINTERFACE_PATH", "TMINTERFACE_PATH"),
        )
    ]
    results = [*game_checks.check_packages(), *game_checks.check_folders(*folders)]
    wrong = [result for result in results if result.ok is False]
    for result in wrong:
        level = PROBLEM if wanted else NOTE
        yield DoctorFinding(level, f"for captures: {result.what}: {result.found}", "tmxdb game check")
    if not wrong:
        yield DoctorFinding(OK, "what captures need is installed; `tmxdb game check` connects to the game")


def _some_paths(examined: Examined) -> list[str]:
    database = examined.database
    if database is None:
        return []
    return sampled_paths(lambda query: [row["path"] for row in database.rows(query)])


def _downloads(examined: Examined) -> dict[str, tuple[int, int]]:
    """Return how many replays have each status, and their bytes."""
    rows = [] if examined.database is None else examined.database.rows(_DOWNLOADS)
    return {row["status"]: (int(row["n"]), int(row["bytes"])) for row in rows}
