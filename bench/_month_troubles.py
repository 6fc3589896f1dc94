"""What goes wrong on a simulated day, for bench/month.py."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import forked
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite

TIMEOUT_S = 300
MAX_OUTAGE_S = 15
OUTAGE_REQUESTS = 12
"""A fault that hits every request ends after this many of them, or when the run ends."""
OUTAGES = (
    "500", "503", "503:retry-after=1", "storm:for=2", "401", "404",
    "403:times=3", "409", "418", "refuse", "reset", "drop",
    "html", "empty", "redirect", "garbage", "cut", "wrong-length", "gzip-unsaid", "json-shape:on=api",
    "json-types:on=api", "not-gbx", "flip:40%", "wrong-file", "huge:mb=20",
)  # fmt: skip


class Days:
    """The commands of each day, run as processes in `folder`."""

    RUN = ("run", "--n", "4", "--no-wait", "--rate", "0")

    def __init__(self, site: RunningSite, folder: Path, location: str) -> None:
        self.site, self.folder, self._location = site, folder, location
        self.complaints: list[str] = []

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def tmxdb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return it. A traceback is a complaint."""
        with self.started(*arguments) as process:
            out, err = process.communicate(timeout=TIMEOUT_S)
        if "Traceback" in err:
            self.complaints.append(f"tmxdb {' '.join(arguments)} printed a traceback: {err[-1500:]}")
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[forked.AnyProcess]:
        environment = Tool.environment() | {"TMXDB_DB": self._location, "TMXDB_DATA": str(self.data)}
        with forked.python(
            "from tmxdb.cli import main; main()",
            *arguments,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def open_work(self) -> None:
        """Sync, and list every leaderboard again, as a refresh does."""
        self.tmxdb("sync-tracks")
        self.tmxdb("retry", "--kind", "list", "--status", "done")

    def requests(self) -> int:
        return int(self.site.stats()["requests"])

    def await_requests(self, count: int, process: forked.AnyProcess) -> None:
        """Return after `count` more requests, when the process has ended, or after 15 s: pauses may be longer."""
        target, deadline = self.requests() + count, time.monotonic() + MAX_OUTAGE_S
        until(lambda: self.requests() >= target or process.poll() is not None or time.monotonic() > deadline)


@dataclass(frozen=True)
class Trouble:
    name: str
    apply: Callable[[Days, random.Random], None]


def troubles(*, is_mounted: bool) -> list[Trouble]:
    """Return every kind of trouble. A full disk needs a mounted file system."""
    found = [
        Trouble("a quiet day", _nothing),
        Trouble("killed", _killed),
        Trouble("killed in sync-tracks", _killed_in_sync),
        Trouble("interrupted", _interrupted),
        Trouble("moved data folder", _moved_folder),
        *(Trouble(f"outage: {fault}", _outage(fault)) for fault in OUTAGES),
    ]
    return [*found, Trouble("full disk", _full_disk)] if is_mounted else found


def _nothing(days: Days, rng: random.Random) -> None:
    days.open_work()
    if status := days.tmxdb(*Days.RUN).returncode:
        days.complaints.append(f"a run on a quiet day exited with {status}")


def _killed(days: Days, rng: random.Random) -> None:
    days.open_work()
    for _ in range(3):
        with days.started(*Days.RUN) as process:
            days.await_requests(rng.randint(1, 25), process)
    days.tmxdb(*Days.RUN)


def _killed_in_sync(days: Days, rng: random.Random) -> None:
    for _ in range(2):
        with days.started("sync-tracks") as process:
            days.await_requests(1, process)
    _nothing(days, rng)


def _interrupted(days: Days, rng: random.Random) -> None:
    days.open_work()
    with days.started(*Days.RUN) as process:
        days.await_requests(rng.randint(2, 15), process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    if process.returncode not in (0, 130):
        days.complaints.append(f"an interrupted run exited with {process.returncode}")


def _outage(fault: str) -> Callable[[Days, random.Random], None]:
    def apply(days: Days, rng: random.Random) -> None:
        days.open_work()
        days.site.set_faults([f"{fault}:after={rng.randint(0, 10)}"])
        with days.started(*Days.RUN) as process:
            days.await_requests(OUTAGE_REQUESTS, process)
            days.site.set_faults([])
            _, err = process.communicate(timeout=TIMEOUT_S)
        if "Traceback" in err:
            days.complaints.append(f"a traceback during {fault}: {err[-1500:]}")

    return apply


def _full_disk(days: Days, rng: random.Random) -> None:
    days.open_work()
    ballast = days.folder / "ballast"
    room = shutil.disk_usage(days.folder).free - 300_000
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(room, 1))
    full = days.tmxdb(*Days.RUN)
    ballast.unlink()
    if full.returncode and "Error:" not in full.stderr:
        days.complaints.append(f"a full disk was not explained: {full.stderr[-500:]}")
    days.tmxdb(*Days.RUN)


def _moved_folder(days: Days, rng: random.Random) -> None:
    """Move the data folder while a run works. The run must stop without creating another one."""
    days.open_work()
    elsewhere = days.folder / "moved"
    with days.started(*Days.RUN) as process:
        days.await_requests(rng.randint(1, 10), process)
        if days.data.exists():
            days.data.rename(elsewhere)
        process.communicate(timeout=TIMEOUT_S)
    if elsewhere.exists():
        if days.data.exists() and any(path.is_file() for path in days.data.rglob("*")):
            days.complaints.append("a run wrote files where the moved data folder had been")
            shutil.copytree(days.data, elsewhere, dirs_exist_ok=True)
        shutil.rmtree(days.data, ignore_errors=True)
        elsewhere.rename(days.data)
    days.tmxdb(*Days.RUN)
