"""`run.py windows`: its table counts what the reports of pytest say, and its pins cover what tmxdb needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tools.windows import checks, results
from tools.windows.checks import typed_commands
from tools.windows.environment import PINS, windows_path
from tools.windows.limits import LEFT_OUT
from tools.windows.records import Record
from tools.windows.results import Results
from tools.windows.suite import test_targets as targets

ROOT = Path(__file__).parents[1]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.setattr(results, "reason_for", lambda test, _: "Wine has no such thing" if "wine" in test else None)
    first_use, tests = Record(tmp_path / "checks.jsonl"), Record(tmp_path / "tests.jsonl")
    first_use.write(test="demo", outcome="passed")
    tests.write(test="tests/test_a.py::test_one", outcome="passed")
    tests.write(test="tests/test_a.py::test_two", outcome="failed", said="assert 1 == 2")
    tests.write(test="tests/test_a.py::test_wine", outcome="failed", said="no | such")
    tests.write(test="tests/test_a.py::test_posix", outcome="skipped", said="signals of POSIX")
    found = Results("wine-8.0, Python 3.13.2", "2026-11-29")
    found.add_checks(first_use)
    found.add_tests("tests/a", tests, None)
    return found


def test_the_table_counts_each_outcome_and_names_each_failure(table: Results) -> None:
    lines = table.table().splitlines()
    assert lines[0] == "2026-11-29: wine-8.0, Python 3.13.2"
    assert "| demo | 1 | 0 | 0 | 0 |" in lines
    assert "| tests/a | 1 | 1 | 1 | 1 |" in lines
    assert "| **all** | 2 | 1 | 1 | 1 |" in lines
    assert "| signals of POSIX | 1 |" in lines
    assert "| Wine has no such thing | 1 |" in lines
    assert lines[-1] == "FAILED tests/test_a.py::test_two: assert 1 == 2"
    assert table.unexplained == 1


def test_a_folder_that_was_not_finished_is_a_failure(table: Results, tmp_path: Path) -> None:
    table.add_tests("tests/b", Record(tmp_path / "missing.jsonl"), "not finished within 60 minutes")
    assert table.unexplained == 2
    assert "FAILED tests/b: not finished within 60 minutes" in table.table()


def test_every_test_file_belongs_to_one_run() -> None:
    covered = [path for _, words in targets([]) for word in words for path in _tests(ROOT / word)]
    assert sorted(covered) == sorted((ROOT / "tests").rglob("test_*.py"))


def test_every_test_that_is_left_out_exists() -> None:
    for test in LEFT_OUT:
        file, _, function = test.partition("::")
        assert f"def {function}(" in (ROOT / file).read_text("utf-8")


def test_every_package_is_pinned_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"]]
    for extra in ("arrays", "capture", "parquet", "plot", "serve", "video"):  # the h5py of minari ends under Wine 8
        needed += project["optional-dependencies"][extra]
    wanted = {re.match(r"[\w.-]+", line)[0].lower() for line in needed if "linux" not in line}  # type: ignore[index]
    lines = [line for file in PINS.glob("*.txt") for line in file.read_text("ascii").splitlines()]
    assert wanted <= {line.partition("==")[0].lower() for line in lines}
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line)] == []


def test_the_commands_of_the_pages_are_those_that_a_user_types_first() -> None:
    commands = typed_commands("README")
    assert [command.split()[1] for command in commands[:4]] == ["sync-tracks", "run", "status", "query"]
    assert not any("game check" in command or " sandbox" in command for command in commands)
    tutorial = typed_commands("tutorial")
    assert tutorial[0] == "tmxdb status"
    assert {"verify", "contact-sheet"} <= {command.split()[1] for command in tutorial}


def test_a_command_that_fails_once_and_passes_later_has_failed(tmp_path: Path) -> None:
    record = Record(tmp_path / "checks.jsonl")
    checks._write(record, "tutorial: `tmxdb run`", "status 1")
    checks._write(record, "tutorial: `tmxdb run`", None)
    assert [ended.outcome for ended in record.outcomes().values()] == ["failed", "passed"]


def test_a_path_of_linux_is_on_drive_z() -> None:
    assert windows_path(Path("/home/me/Übung mit")) == "Z:\\home\\me\\Übung mit"


def _tests(path: Path) -> list[Path]:
    return [path] if path.is_file() else [*path.rglob("test_*.py")]
