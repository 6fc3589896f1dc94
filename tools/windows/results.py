"""What passed, failed and was skipped under Wine, and the table that shows it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tools.windows.limits import LEFT_OUT, reason_for
from tools.windows.records import Record


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

    def add_checks(self, record: Record) -> None:
        """Add a row for each check, which is one thing."""
        for name, ended in record.outcomes().items():
            problem = [(name, ended.said)] if ended.outcome == "failed" else []
            self.rows.append(Row(name, passed=ended.outcome == "passed", unexplained=problem))

    def add_tests(self, name: str, record: Record, unfinished: str | None) -> None:
        """Add a row for a folder of tests. `unfinished`: why the record is not complete."""
        row = Row(f"{name} ({record.kept:,} of them with older code)" if record.kept else name)
        self.rows.append(row)
        if unfinished:
            row.unexplained.append((name, unfinished))
        for test, ended in record.outcomes().items():
            if ended.outcome == "passed":
                row.passed += 1
            elif ended.outcome == "skipped":
                row.skipped[ended.said or "no reason"] += 1
            else:
                limit = LEFT_OUT.get(test) or reason_for(test, ended.said)
                (row.unexplained if limit is None else row.explained).append((test, limit or ended.said[:200]))

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
