"""Outcomes in files, so that a run that is ended can be continued: one for each folder of tests and state of the code.

Each line is a JSON object: `{"test": …}` when a test starts, `{"test": …, "outcome": "passed" | "failed" | "skipped",
"said": …}` when it ends, `{"kept": N}` after outcomes of older code, and `{"end": true}` when nothing is left to run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CODE = (
    "tmxdb",
    "tmxdb_sandbox",
    "migrations",
    "tests",
    "bench",
    "docs",
    "README.md",
    "pyproject.toml",
    "run.py",
    "tools/windows/requirements",
)
"""What an outcome depends on."""
TABLE = Path("docs/reference/windows.md")
"""The page that shows the outcomes; no outcome depends on it."""


@dataclass(frozen=True)
class Outcome:
    """How a test ended. `said`: the error, or why it was skipped."""

    outcome: str
    said: str = ""


class Record:
    """The outcomes in `file`, which may be missing."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, **values: object) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def outcomes(self) -> dict[str, Outcome]:
        """Return the last outcome of each test that has ended."""
        ended = [line for line in self._lines() if "outcome" in line]
        return {line["test"]: Outcome(line["outcome"], line.get("said", "")) for line in ended}

    def running(self) -> str | None:
        """Return the test that has started and not ended."""
        running = None
        for line in self._lines():
            if "test" in line:
                running = None if "outcome" in line else line["test"]
        return running

    @property
    def kept(self) -> int:
        """Return how many outcomes are those of older code."""
        return sum(line.get("kept", 0) for line in self._lines())

    @property
    def is_complete(self) -> bool:
        return any("end" in line for line in self._lines())

    def keep(self, older: Iterable[Record]) -> None:
        """Begin with what passed or was skipped in the newest of `older`."""
        files = [record for record in older if record.file != self.file]
        if self.file.exists() or not files:
            return
        newest = max(files, key=lambda record: record.file.stat().st_mtime)
        kept = {test: ended for test, ended in newest.outcomes().items() if ended.outcome != "failed"}
        for test, ended in kept.items():
            self.write(test=test, outcome=ended.outcome, said=ended.said)
        self.write(kept=len(kept))

    def _lines(self) -> list[dict[str, Any]]:
        """Return all lines except those that were cut off when their program ended."""
        found = []
        for line in self.file.read_text("utf-8").split("\n") if self.file.is_file() else []:
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return found


def record_of(folder: Path, code: str, name: str) -> Record:
    """Return the record of a folder of tests, or of the checks, for a state of the code."""
    return Record(folder / "results" / code / f"{_file_name(name)}.jsonl")


def records_of(folder: Path, name: str) -> list[Record]:
    """Return the records of all states of the code."""
    return [Record(file) for file in folder.glob(f"results/*/{_file_name(name)}.jsonl")]


def code_digest(root: Path) -> str:
    """Return a short name for the state of everything in CODE."""
    digest = hashlib.sha256()
    for name in CODE:
        path = root / name
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            if "__pycache__" not in file.parts and file != root / TABLE:
                digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _file_name(name: str) -> str:
    return name.replace("/", "_").replace("*", "all")
