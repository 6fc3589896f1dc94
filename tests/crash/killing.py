"""Runs the chain in several processes and kills one of them every second or so, until nothing is left to do."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tmxdb.sandbox import RunningSite

from ..tool import Tool, until

STORM_S = 2
FAULTS = ("503:3%", "cut:2%", "reset:1%", "html:1%")


@dataclass(frozen=True)
class Plan:
    """How hard it is going to be. The seed chooses the victims and the moments."""

    kills: int
    sync_kills: int = 2
    processes: int = 4
    n: int = 4
    every_s: float = 1.0
    top: int = 10
    rate: float = 0.0
    seed: int = 1
    storms_at_s: tuple[float, ...] = (1.0,)
    deadline_s: float = 120.0

    @property
    def faults(self) -> list[str]:
        """For the site while processes are killed."""
        return [*(f"storm:at={at:g}:for={STORM_S}" for at in self.storms_at_s), *FAULTS]


@dataclass
class Story:
    """What happened. `killed`: names of the processes that were; `ended`: exit status of the others."""

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
        """Files published (`after`), or about to be (`before`): name of the process, path, sha256."""
        audit = self.folder / "audit"
        lines = audit.read_text("utf-8").splitlines() if audit.exists() else []
        return [line for line in map(json.loads, lines) if line["step"] == step]

    def said(self, name: str) -> str:
        """What a process wrote to stderr."""
        return (self.folder / f"{name}.err").read_text("utf-8", "replace")


class Killing:
    """One run, in an empty `folder`, on the database at `location`, against `site`."""

    def __init__(self, folder: Path, location: str, site: RunningSite, plan: Plan) -> None:
        self._location, self._site, self._plan = location, site, plan
        self._random = random.Random(plan.seed)
        self._story = Story(plan, folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._count = 0

    def __call__(self) -> Story:
        began = time.monotonic()
        self._site.forget()
        self._site.set_faults(FAULTS)
        try:
            self._sync()
            self._work()
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()
            self._site.set_faults([])
        self._story.seconds = time.monotonic() - began
        return self._story

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
        # The first storm must find somebody at work.
        until(lambda: "/recordgbx" in self._site.stats()["by_path"], seconds=60)
        self._site.set_faults(plan.faults)
        while not drained:
            while len(self._running) < plan.processes:
                self._start(*arguments)
            assert time.monotonic() < deadline, f"not drained after {plan.deadline_s} s and {kills} kills"
            drained = self._ends_within(self._moment_s())
            if not drained and kills < plan.kills:
                self._kill(self._random.choice(sorted(self._running)))
                kills += 1
        while self._running:  # one has found nothing left to do: the others are about to
            assert self._ends_within(plan.deadline_s), f"do not end: {', '.join(self._running)}"

    def _moment_s(self) -> float:
        return self._plan.every_s * self._random.uniform(0.2, 1.8)

    def _start(self, *arguments: object) -> str:
        self._count += 1
        name, folder = f"p{self._count}", self._story.folder
        command = [sys.executable, "-m", "tests.crash.process", name, folder / "audit", "--db", self._location]
        command += ["--data", self._story.data, "--site", self._site.url, "--contact", f"{name}@crash"]
        with (folder / f"{name}.err").open("wb") as said:
            self._running[name] = subprocess.Popen(
                [*map(str, command), *map(str, arguments)],
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
            self._story.killed.append(name)
        else:  # it was quicker
            self._story.ended[name] = process.returncode

    def _ends_within(self, seconds: float, name: str | None = None) -> bool:
        """Whether the process `name`, or any, ends by itself within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            for candidate, process in list(self._running.items()):
                if name in (None, candidate) and process.poll() is not None:
                    self._story.ended[candidate] = self._running.pop(candidate).returncode
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
