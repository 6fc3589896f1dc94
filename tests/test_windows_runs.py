"""`run.py windows`: a test that ends or blocks its process costs nothing but itself, and a run can be continued."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.windows import suite
from tools.windows.environment import Environment, NotPossible
from tools.windows.records import Outcome, Record, code_digest
from tools.windows.running import follow
from tools.windows.suite import run_tests

PROGRAM = """
import os, time
import pytest
def test_first(): assert not os.path.exists({mark!r}), "ran twice"; open({mark!r}, "w").close()
def test_wrong(): assert 1 == 2
def test_end(): os._exit(3)
@pytest.mark.skip(reason="signals of POSIX")
def test_posix(): pass
@pytest.mark.slow
def test_slow(): pass
def test_last(): pass
"""


class OnLinux(Environment):
    """Start this Python instead of that of Windows."""

    def start(self, *words: object, cwd: Path, **variables: str) -> subprocess.Popen[str]:
        here = [str(word).replace("Z:\\", "/").replace("\\", "/") for word in words]
        return subprocess.Popen(
            [sys.executable, *here], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def restart(self) -> None:
        pass


@pytest.fixture
def tests(tmp_path: Path) -> str:
    """The path of a file of tests."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", "utf-8")
    file = tmp_path / "test_some.py"
    file.write_text(PROGRAM.format(mark=str(tmp_path / "first")), "utf-8")
    return str(file)


def outcomes(record: Record) -> dict[str, Outcome]:
    return {test.partition("::test_")[2]: ended for test, ended in record.outcomes().items()}


@pytest.mark.skipif(sys.platform != "linux", reason="`run.py windows` runs on Linux")
def test_a_test_that_ends_its_process_is_one_failure(tests: str, tmp_path: Path) -> None:
    record = Record(tmp_path / "results" / "record.jsonl")
    assert run_tests(OnLinux(tmp_path), [tests], record, 300) is None
    found = outcomes(record)
    assert {name: ended.outcome for name, ended in found.items()} == {
        "first": "passed",
        "wrong": "failed",
        "end": "failed",
        "posix": "skipped",
        "last": "passed",
    }
    assert found["wrong"].said == "assert 1 == 2"
    assert found["end"].said == "pytest ended during this test: status 3"
    assert found["posix"].said == "signals of POSIX"


@pytest.mark.skipif(sys.platform != "linux", reason="`run.py windows` runs on Linux")
def test_what_was_run_before_is_not_run_again(tests: str, tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    for name in ("first", "wrong", "end"):
        record.write(test=f"test_some.py::test_{name}", outcome="failed", said="before")
    assert run_tests(OnLinux(tmp_path), [tests], record, 300) is None
    assert not (tmp_path / "first").exists()
    assert outcomes(record)["wrong"].said == "before"
    assert outcomes(record)["last"].outcome == "passed"


@pytest.mark.skipif(sys.platform != "linux", reason="`run.py windows` runs on Linux")
def test_a_folder_whose_time_is_over_says_so(tests: str, tmp_path: Path) -> None:
    problem = run_tests(OnLinux(tmp_path), [tests], Record(tmp_path / "record.jsonl"), 0)
    assert problem == "not finished within 0 minutes; run again to continue"


@pytest.mark.skipif(sys.platform != "linux", reason="`run.py windows` runs on Linux")
def test_a_run_that_ends_before_its_first_test_says_so(tmp_path: Path) -> None:
    problem = run_tests(OnLinux(tmp_path), ["no/such/folder"], Record(tmp_path / "record.jsonl"), 300)
    assert problem == "pytest ended before its first test: status 4"


def test_a_program_that_does_nothing_is_ended() -> None:
    words = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    ended = follow(process, 600, lambda: "no test ended")
    assert ended.how == "killed: no test ended"
    assert process.returncode is not None


def test_a_record_without_news_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "NOTHING_S", -1)
    record = Record(tmp_path / "record.jsonl")
    record.write(test="a")
    assert suite._idle(record)() == "no test ended for -1 s"


def test_what_passed_with_older_code_is_kept_and_what_failed_runs_again(tmp_path: Path) -> None:
    older, record = Record(tmp_path / "a" / "tests.jsonl"), Record(tmp_path / "b" / "tests.jsonl")
    older.write(test="good", outcome="passed")
    older.write(test="bad", outcome="failed", said="no")
    older.write(end=True)
    record.keep([older, record])
    assert record.outcomes() == {"good": Outcome("passed")}
    assert record.kept == 1
    assert not record.is_complete


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    record.write(test="one", outcome="passed")
    with record.file.open("a", encoding="utf-8") as file:
        file.write('{"test": "tw')
    assert record.outcomes() == {"one": Outcome("passed")}
    assert record.running() is None


def test_the_state_of_the_code_changes_with_a_test_and_not_with_the_table(tmp_path: Path) -> None:
    for name in ("tests/test_a.py", "docs/reference/windows.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("one", "utf-8")
    before = code_digest(tmp_path)
    (tmp_path / "docs/reference/windows.md").write_text("two", "utf-8")
    assert code_digest(tmp_path) == before
    (tmp_path / "tests/test_a.py").write_text("two", "utf-8")
    assert code_digest(tmp_path) != before


def test_a_folder_with_other_files_is_not_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # without Wine and apt-get
    own = tmp_path / "letter.txt"
    own.write_text("mine", "utf-8")
    with pytest.raises(NotPossible, match=r"contains other files\. Choose an empty"):
        Environment(tmp_path).set_up()
    assert own.read_text("utf-8") == "mine"
