"""Output that cannot be written, and encodings: one sentence or silence, never a traceback."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tool import Tool
from tmxdb.cli import main
from tmxdb.cli.program import is_closed_pipe

FULL = Path("/dev/full")
NAMES = "select 'Übung', '東京', char(128512)"
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell and its devices")


def _run(tool: Tool, *words: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    options: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60}
    environment = {**tool.environment(), **settings.pop("env", {})}  # type: ignore[dict-item]
    environment.pop("PYTHONUNBUFFERED", None)  # it hides what fails at Python's own flush at the end
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "tmxdb", *words],
        cwd=settings.pop("cwd", tool.folder),
        env=environment,
        **{**options, **settings},
    )


@pytest.fixture
def ready(tool: Tool) -> Tool:
    """A database without rows."""
    tool("migrate")
    return tool


@pytest.mark.slow
def test_files_and_pipes_get_utf8_whatever_encoding_python_is_set_to(ready: Tool) -> None:
    for encoding, form in (("cp1252", "csv"), ("ascii", "table"), ("utf-16", "csv")):
        ran = _run(ready, "query", "--format", form, NAMES, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
        assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)
        assert "Übung" in ran.stdout.decode("utf-8")
        assert "東京" in ran.stdout.decode("utf-8")


@pytest.mark.slow
@posix_only
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "words",
    [["status"], ["query", "--csv", "select 1"], ["--help"], ["game", "check"], ["release"], ["help", "work"],
     ["sandbox", "--list-faults"]],
)  # fmt: skip
def test_a_full_disk_for_the_output_is_one_sentence(ready: Tool, words: list[str]) -> None:
    with FULL.open("wb") as full:
        ran = _run(ready, *words, stdout=full)
    assert ran.returncode == 1
    assert ran.stderr.decode().splitlines()[-1] == "Error: cannot write the output (No space left on device)."
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


@posix_only
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_messages_that_cannot_be_written_do_not_end_a_command(ready: Tool) -> None:
    with FULL.open("wb") as full:
        ran = _run(ready, "retry", stderr=full)
    assert (ran.returncode, ran.stdout) == (0, b"0\n")


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "status"),
    [("--help", 0), ("--version", 0), ("status", 0), ("retry", 0), ("pause download", 0), ("nosuch", 2),
     ("show 5", 1)],
)  # fmt: skip
def test_a_command_with_closed_streams_does_its_work_and_ends_as_usual(
    ready: Tool, words: str, status: int, closed: str
) -> None:
    ran = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m tmxdb {words} {closed}'],
        cwd=ready.folder, env=ready.environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert (ran.returncode, "Traceback" in ran.stderr) == (status, False), ran.stderr
    assert ready.rows("select kind from pauses") == ([{"kind": "download"}] if words == "pause download" else [])


@posix_only
def test_no_file_gets_the_descriptor_of_a_closed_stream(ready: Tool) -> None:
    """SQLite refuses descriptors below 3; other files would receive what is printed."""
    code = (
        "import os, sys; from tmxdb import cli; cli._open_closed_streams();"
        "sys.exit(os.open('next', os.O_CREAT | os.O_RDWR) < 3 or sys.stdout.isatty())"
    )
    shell = f'"{sys.executable}" -c "{code}" <&- >&- 2>&-'
    ran = subprocess.run(["bash", "-c", shell], cwd=ready.folder, env=ready.environment())
    assert ran.returncode == 0


@posix_only
@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_pipe_closed_by_its_reader_is_quiet_and_all_well(ready: Tool, form: str) -> None:
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n limit 200000) select i from n"
    shell = f'"{sys.executable}" -m tmxdb query {form} "{numbers}" | head -n 3; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(["bash", "-c", shell], cwd=ready.folder, env=ready.environment(), capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")


@posix_only
@pytest.mark.parametrize("words", ["--help", "--version", "run --help", "help run"])
def test_help_in_a_pipe_that_its_reader_has_closed_is_quiet_and_all_well(ready: Tool, words: str) -> None:
    shell = f'"{sys.executable}" -m tmxdb {words} | exec true; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(["bash", "-c", shell], cwd=ready.folder, env=ready.environment(), capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")


class Closed(io.StringIO):
    """Fails as a pipe of Windows does whose reader is gone: when it is written to, or only at the end."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self._when = when

    def write(self, text: str) -> int:
        return self._fail() if self._when == "write" else len(text)

    def flush(self) -> None:
        if self._when == "flush":
            self._fail()

    def _fail(self) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("when", ["write", "flush"])
def test_a_pipe_of_windows_closed_by_its_reader_is_quiet_and_all_well(
    ready: Tool, when: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tmxdb.cli.program.os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(sys, "argv", ["tmxdb", "query", "--csv", "select 1"])
    with contextlib.redirect_stdout(Closed(when)), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().err == ""


def test_a_file_name_that_windows_does_not_allow_is_not_taken_for_a_closed_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tmxdb.cli.program.os", SimpleNamespace(name="nt"))
    assert is_closed_pipe(OSError(errno.EINVAL, "Invalid argument"))
    assert not is_closed_pipe(OSError(errno.EINVAL, "Invalid argument", "a?b.csv"))


@pytest.mark.slow
@posix_only
def test_a_working_folder_that_was_deleted_is_one_sentence(ready: Tool) -> None:
    gone = ready.folder / "gone"
    for words in (["status"], ["run"], ["gbx", "show", "."]):
        gone.mkdir()
        shell = f'cd "{gone}" && rmdir "{gone}" && exec "{sys.executable}" -m tmxdb "$@"'
        ran = subprocess.run(
            ["bash", "-c", shell, "tmxdb", *words], env=ready.environment(), capture_output=True, text=True
        )
        assert ran.returncode in (1, 2, 3)
        assert "Traceback" not in ran.stderr
        assert "Error:" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [["status", "--db", "x" * 300], ["backup", "x" * 300], ["gbx", "show", "x" * 300], ["plot", "x" * 300],
     ["plot", "a.gbx", "--out", "x" * 300], ["add-tracks", "--track-ids", "x" * 300], ["demo", "--folder", "x" * 300],
     ["export", "frames", "x" * 300], ["copy-db", "tmx.db", "x" * 300], ["run", "--data", "x" * 300],
     ["backup", "."], ["demo", "--folder", "/dev/null"], ["sandbox", "--games", "1", "--games-dir", "/dev/null"],
     ["--log-file", "x" * 300, "status"], ["status", "--db", "."]],
    ids=lambda words: " ".join(words)[:40],
)  # fmt: skip
def test_names_that_no_file_can_have_are_one_sentence(ready: Tool, words: list[str]) -> None:
    ran = ready(*words, ends=None)
    assert ran.status in (1, 2, 3)
    assert len([line for line in ran.err.splitlines() if line.startswith("Error:")]) == 1


def test_a_query_writes_a_file_in_utf8_and_never_over_another_or_a_database(ready: Tool) -> None:
    ready("query", NAMES, "--out", "a.csv")
    assert (ready.folder / "a.csv").read_text("utf-8").splitlines()[1].startswith("Übung,東京,")
    ready("query", "--json", "select 1 as n", "--out", "a.json")
    assert (ready.folder / "a.json").read_text("utf-8") == '[\n  {"n": 1}\n]\n'
    assert "a.csv" in ready("query", "select 1 as n", "--out", "a.csv", ends=1).error
    ready("query", "select 1 as n", "--out", "a.csv", "--force")
    assert (ready.folder / "a.csv").read_text("utf-8") == "n\n1\n"
    before = (ready.folder / "tmx.db").read_bytes()
    assert "tmx.db" in ready("query", "select 1", "--out", "tmx.db", "--force", ends=1).error
    assert (ready.folder / "tmx.db").read_bytes() == before
    assert "table" in ready("query", "--format", "table", "select 1", "--out", "b", ends=2).error
    assert ready.files() == {"tmx.db", "a.csv", "a.json"}


@pytest.mark.parametrize(("command", "suffix"), [("plot", "svg"), ("contact-sheet", "jpg"), ("film", "txt")])
def test_a_name_with_the_suffix_of_another_format_is_refused(tool: Tool, command: str, suffix: str) -> None:
    ran = tool(command, 5, "--out", f"a.{suffix}", ends=2)
    assert re.search(rf"--out a\.{suffix}: only (PNG|MP4) is written\. End the name with \.(png|mp4)\.", ran.err)
    assert not (tool.folder / f"a.{suffix}").exists()
