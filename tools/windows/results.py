"""What passed, failed and was skipped under Wine, and the table that shows it."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tools.windows.limits import reason_for


@dataclass
class Row:
    """One check or one folder of tests. `failed`: test and the first line of its error."""

    name: str
    passed: int = 0
    explained: list[tuple[str, str]] = field(default_factory=list)
    unexplained: list[tuple[str, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


class Results:
    """The rows in the order in which they ran. `versions`: what they ran on."""

    def __init__(self, versions: str, date: str | None = None) -> None:
        self.versions, self.date = versions, date or time.strftime("%Y-%m-%d", time.gmtime())
        self.rows: list[Row] = []

    @property
    def unexplained(self) -> int:
        """Return how many failures are not explained by a limit of Wine."""
        return sum(len(row.unexplained) for row in self.rows)

    def add_check(self, name: str, problem: str | None) -> None:
        """Add a check that is one thing; `problem` is None if it passed."""
        self.rows.append(Row(name, passed=problem is None, unexplained=[(name, problem)] if problem else []))

    def add_tests(self, name: str, report: Path, ending: str) -> None:
        """Add the tests in the JUnit report of pytest. Without a report, `ending` says how pytest ended."""
        row = Row(name)
        self.rows.append(row)
        if not report.is_file():
            row.unexplained.append((name, f"pytest wrote no report: {ending}"))
            return
        for case in ElementTree.parse(report).iter("testcase"):
            test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            trouble = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
            if trouble is None:
                row.passed += 1
            elif trouble.tag == "skipped":
                row.skipped[trouble.get("message", "no reason")] += 1
            else:
                said = " ".join((trouble.get("message") or trouble.tag).split())[:200]
                limit = reason_for(test, said)
                (row.unexplained if limit is None else row.explained).append((test, limit or said))

    def table(self) -> str:
        """Return everything as Markdown."""
        lines = [f"{self.date}: {self.versions}", "", "| | passed | failed | explained | skipped |"]
        lines += ["| --- | ---: | ---: | ---: | ---: |"]
        for row in [*self.rows, self._total()]:
            numbers = (row.passed, len(row.unexplained), len(row.explained), row.skipped.total())
            lines.append(f"| {_cell(row.name)} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
        skipped: Counter[str] = sum((row.skipped for row in self.rows), Counter())
        lines += ["", "| skipped or explained | tests |", "| --- | ---: |"]
        skipped.update(limit for row in self.rows for _, limit in row.explained)
        lines += [f"| {_cell(reason)} | {n:,} |" for reason, n in skipped.most_common()]
        failures = [failure for row in self.rows for failure in row.unexplained]
        lines += ["", *(f"FAILED {test}: {said}" for test, said in failures)] if failures else []
        return "\n".join(lines)

    def _total(self) -> Row:
        total = Row("**all**")
        for row in self.rows:
            total.passed += row.passed
            total.explained += row.explained
            total.unexplained += row.unexplained
            total.skipped += row.skipped
        return total


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:160]
