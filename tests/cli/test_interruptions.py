"""Ctrl-C while Python still imports, and a terminal that is closed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests import needs
from tests.forked import AnyProcess
from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.cli.shared.signals import StopSignals, stop_signals
from tmxdb_sandbox import RunningSite

pytestmark = needs_ctrl_c
INTERRUPTED = 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "tenths"),
    [(["status"], (1, 4, 7)), (["run"], (2, 5, 8, 10)), (["export", "frames", "x"], (3, 6, 9))],
    ids=["status", "run", "export frames"],
)
def test_ctrl_c_while_python_imports_prints_no_traceback(tool: Tool, words: list[str], tenths: tuple[int]) -> None:
    """The commands import mostly the same modules: each is interrupted at other moments."""
    tool("migrate")
    for tenth in tenths:
        # -X importtime reports on stderr when tmxdb's own modules are imported, whatever the speed of the machine.
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "tmxdb", *words],
            cwd=tool.folder,
            env=tool.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        lines, seen = [], False
        for line in process.stderr:
            lines.append(line)
            seen = seen or "| click" in line.replace("  ", " ")
            if seen and len(lines) % 10 == tenth % 10:
                process.send_signal(signal.SIGINT)
                break
        said = "".join(lines) + process.stderr.read()
        process.wait(300)
        process.stderr.close()
        assert "Traceback" not in said
        assert process.returncode in (0, 1, 2, INTERRUPTED)  # it may have been past the imports


def test_a_closed_terminal_ends_a_run_in_good_order(tool: Tool, site: RunningSite) -> None:
    import pty

    tool("--site", site.url, "sync-tracks")
    site.set_faults(["slow:s=0.2:first=1000"])
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tmxdb", "run", "--n", "2"],
        cwd=tool.folder,
        env=tool.environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        until(lambda: tool.one("select count(*) from tracks where status = 'done'"))
        process.send_signal(signal.SIGHUP)
        os.close(master)  # from now on every write to the terminal fails
        assert process.wait(300) == INTERRUPTED
    finally:
        process.kill()
    assert tool.one("select count(*) from tracks where status = 'running'") == 0
    assert tool.one("select count(*) from workers") == 0


def test_a_closed_terminal_is_ignored_under_nohup(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 3)
    with tool.started("run", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:  # type: ignore[arg-type, func-returns-value]
        time.sleep(0.3)
        process.send_signal(signal.SIGHUP)
        assert process.wait(300) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["reread", "--all", "--processes", "2"],
        ["gbx", "show", "data/replays", "--processes", "2"],
        ["adopt", "old", "--no-lookup", "--dry-run", "--processes", "2"],
        ["export", "lines", "lines.csv", "--processes", "2"],
        ["export", "lake", "lake", "--processes", "2"],
        ["work", "--kind", "extract", "--processes", "2"],
    ],
    ids=" ".join,
)
def test_ctrl_c_while_processes_start_prints_no_traceback(done: Tool, words: list[str]) -> None:
    done.change("update maps set status = 'pending', finished_at = null")  # for `work`
    for copy in ("a", "b"):  # for `adopt`, which reads few files itself
        shutil.copytree(done.folder / "data" / "replays", done.folder / "old" / copy)
    with done.started(*words, before=os.setpgrp) as process:
        until(lambda: _started_processes(process) or process.poll() is not None)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    assert process.returncode == INTERRUPTED, err


@pytest.mark.parametrize(
    ("words", "module"),
    [("export replays out.csv", "tables"), ("export lines out.csv", "tables"), ("film {id} --out out.mp4", "film")],
)
def test_a_file_that_is_written_as_a_whole_starts_over_and_says_so(
    done: Tool, words: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module == "film":
        needs.module("av")
    replay_id = done.one("select replay_id from replays where status = 'done' limit 1")
    with monkeypatch.context() as patch:
        patch.setattr(f"tmxdb.cli.commands.export.{module}.stop_signals", _ctrl_c_at_once)
        ran = done(*words.format(id=replay_id).split(), ends=INTERRUPTED)
    name = words.split()[-1]
    assert f"Interrupted. {name} was not written; the same command starts over." in ran.err
    assert "continue." not in ran.err
    assert name not in done.files()


def test_lines_that_are_all_written_again_start_over(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    for options, said in (((), "Run the same command again to continue."), (("--force",), "the same command starts")):
        with monkeypatch.context() as patch:
            patch.setattr("tmxdb.cli.commands.export.vcp.stop_signals", _ctrl_c_at_once)
            assert said in done("export", "vcp", "lines", *options, ends=INTERRUPTED).err


@contextmanager
def _ctrl_c_at_once() -> Iterator[StopSignals]:
    with stop_signals() as signals:
        signal.raise_signal(signal.SIGINT)
        yield signals


@pytest.mark.slow
def test_a_process_that_is_killed_is_one_sentence(done: Tool) -> None:
    with done.started("reread", "--all", "--processes", 2) as process:
        until(lambda: _started_processes(process))
        _started_processes(process)[0].kill()
        _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    assert "Error: A process that read files died" in err
    assert process.returncode == 1


def _started_processes(process: AnyProcess) -> list[psutil.Process]:
    """Return the processes that a command has started to share its work."""
    try:
        children = psutil.Process(process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:  # one of them has ended
        return []
