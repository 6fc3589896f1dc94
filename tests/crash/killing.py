"""Run several processes and kill one of them about once per second, until nothing is left to do."""

from __future__ import annotations

import json
import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import forked
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite

STORM_S = 2
FAULTS = ("503:3%", "cut:2%", "reset:1%", "html:1%")


@dataclass(frozen=True)
class Plan:
    """The size of a run. The seed chooses which processes are killed, and when."""

    kills: int
    sync_kills: int = 2
    processes: int = 4
    n: int = 4
    every_s: float = 1.0
    top: int = 10
    rate: float = 0.0
    seed: int = 1
    storms_at_s: tuple[float, ...] = (1.0,)
    deadline_s: float = 600.0
    """For a run that hangs: how long one takes depends on the machine."""

    @property
    def faults(self) -> list[str]:
        """Return the faults of the site while processes are killed."""
        return [*(f"storm:at={at:g}:for={STORM_S}" for at in self.storms_at_s), *FAULTS]


@dataclass
class History:
    """What happened. `killed`: names of the killed processes; `ended`: exit statuses of the others."""

    plan: Plan
    folder: Path
    killed: list[str] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def renames(self, step: str) -> list[dict[str, Any]]:
        """Return the published files (`after`), or those about to be (`before`): process, path, sha256."""
        audit = self.folder / "audit"
        lines = audit.read_text("utf-8").splitlines() if audit.exists() else []
        return [line for line in map(json.loads, lines) if line["step"] == step]

    def said(self, name: str) -> str:
        """Return what a process wrote to stderr."""
        return (self.folder / f"{name}.err").read_text("utf-8", "replace")


class Killing:
    """One run in an empty `folder`, with the database at `location` and a site."""

    def __init__(self, folder: Path, location: str, site: RunningSite, plan: Plan) -> None:
        self._location, self._site, self._plan = location, site, plan
        self._random = random.Random(plan.seed)
        self._history = History(plan, folder)
        self._running: dict[str, forked.AnyProcess] = {}
        self._count = 0

    def __call__(self) -> History:
        began = time.monotonic()
        self._site.clear_log()
        self._site.set_faults(FAULTS)
        try:
            self._sync()
            self._work()
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()
            self._site.set_faults([])
        self._history.seconds = time.monotonic() - began
        return self._history

    def _sync(self) -> None:
        for _ in range(self._plan.sync_kills):
            name = self._start("sync-tracks")
            if self._ends_within(self._moment_s(), name):
                break
            self._kill(name)
        else:
            name = self._start("sync-tracks")
            assert self._ends_within(self._plan.deadline_s, name), "sync-tracks does not end"

    def _work(self) -> None:
        plan, kills, drained = self._plan, 0, False
        arguments = ("run", "--top", plan.top, "--n", plan.n, "--rate", plan.rate)
        deadline = time.monotonic() + plan.deadline_s
        for _ in range(plan.processes):
            self._start(*arguments)
        # The first storm must find a process at work.
        until(lambda: "/recordgbx" in self._site.stats()["by_path"], seconds=plan.deadline_s)
        self._begin_storms()
        while not drained:
            self._repeat_storm_without_refusal()
            while len(self._running) < plan.processes:
                self._start(*arguments)
            assert time.monotonic() < deadline, f"not drained after {plan.deadline_s} s and {kills} kills"
            drained = self._ends_within(self._moment_s())
            if not drained and kills < plan.kills:
                self._kill(self._random.choice(sorted(self._running)))
                kills += 1
        while self._running:  # one has found nothing left to do: the others are about to
            assert self._ends_within(plan.deadline_s), f"do not end: {', '.join(self._running)}"

    def _begin_storms(self) -> None:
        self._site.set_faults(self._plan.faults)
        self._first_storm_over_s = time.monotonic() + min(self._plan.storms_at_s) + STORM_S

    def _repeat_storm_without_refusal(self) -> None:
        """Begin again if the first storm has refused nothing: on a busy machine no request may come while it lasts."""
        if time.monotonic() > self._first_storm_over_s and "429" not in self._site.stats()["by_status"]:
            self._begin_storms()

    def _moment_s(self) -> float:
        return self._plan.every_s * self._random.uniform(0.2, 1.8)

    def _start(self, *arguments: object) -> str:
        self._count += 1
        name, folder = f"p{self._count}", self._history.folder
        options = ["--db", self._location, "--data", self._history.data]
        options += ["--site", self._site.url, "--contact", f"{name}@crash"]
        with (folder / f"{name}.err").open("wb") as said:
            self._running[name] = forked.python(
                "from tests.crash.process import run; run()",
                name,
                folder / "audit",
                *options,
                *arguments,
                cwd=folder,
                env=Tool.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        return name

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        if process.wait() < 0:
            self._history.killed.append(name)
        else:  # it was quicker
            self._history.ended[name] = process.wait()

    def _ends_within(self, seconds: float, name: str | None = None) -> bool:
        """Return whether the process `name`, or any process, ends by itself within `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            for candidate, process in list(self._running.items()):
                if name in (None, candidate) and process.poll() is not None:
                    self._history.ended[candidate] = self._running.pop(candidate).wait()
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
