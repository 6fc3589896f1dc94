"""Runs the plugin in a real AngelScript engine with a simulated game: built once, one process for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.needs import lacking
from tests.ports import free_port
from tmxdb.game import plugin

ENGINE = Path(__file__).with_name("engine")
HEADER = Path("/usr/include/angelscript/scriptarray.h")
LIBRARIES = ("-langelscript-addon", "-langelscript")
TIMEOUT_S = 20.0
BUILD_TIMEOUT_S = 300.0


def build_once(factory: pytest.TempPathFactory) -> Path:
    """Build the program for all test processes of this run, and return its path."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return build(factory.mktemp("host"))
    folder = factory.getbasetemp().parent / "host"
    try:
        folder.mkdir()
    except FileExistsError:  # another process builds it, or has done so
        deadline = time.monotonic() + BUILD_TIMEOUT_S
        while not (folder / "built").exists():
            assert time.monotonic() < deadline, "the program was never built"
            time.sleep(0.1)
        if name := (folder / "built").read_text():
            return folder / name
        return build(folder)  # which says what is missing
    name = ""
    try:
        name = build(folder).name
    finally:
        (folder / "written").write_text(name)
        (folder / "written").replace(folder / "built")
    return folder / name


def build(folder: Path) -> Path:
    """Build the program, and return its path. Skip the test if there is no compiler or no AngelScript."""
    compiler = shutil.which("g++")
    if compiler is None or not HEADER.exists():
        lacking("no AngelScript engine to run the plugin: install g++ and Debian's angelscript-dev")
    program = folder / "host"
    source = [str(ENGINE / "host.cpp"), "-DAS_DEBIAN_LIB", *LIBRARIES]
    subprocess.run([compiler, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, *source], check=True)
    return program


class Host:
    """One running game with the plugin.

    `commands`: see `run_command` in engine/host.cpp. `lacks`: capabilities whose calls this build does not declare.
    """

    def __init__(
        self, program: Path, *commands: str, port: int | None = None, script: Path = plugin.SCRIPT, lacks: str = ""
    ) -> None:
        self.port = port or free_port()
        self._process = subprocess.Popen(
            [program, script, f"console set custom_port {self.port}", *commands],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LACKS": lacks},
        )
        self.pid = self._process.pid
        self.lines: list[str] = []
        """All lines so far: `command …`, `log warning …`, `script error …`, `done …`."""
        self._condition = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, line: str) -> None:
        """Send a command that runs before the next frame. Do not wait for that: a client may hold the game."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def do(self, line: str) -> None:
        """Send a command, and wait until it has run."""
        before = self.lines.count(f"done {line}")
        self.send(line)
        self.until(lambda: self.lines.count(f"done {line}") > before, f"done {line}")

    def wait_for_line(self, text: str) -> str:
        """Return the first line that contains `text`, as soon as it comes."""
        self.until(lambda: any(text in line for line in self.lines), text)
        return next(line for line in self.lines if text in line)

    def until(self, condition, description: str) -> None:  # type: ignore[no-untyped-def]
        """Wait for a condition on `lines`."""
        deadline = time.monotonic() + TIMEOUT_S
        with self._condition:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"never came: {description}; lines: {self.lines[-20:]}"
                self._condition.wait(left)

    @property
    def errors(self) -> list[str]:
        """The exceptions of the script."""
        return [line for line in self.lines if line.startswith("script error")]

    def is_running(self) -> bool:
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(TIMEOUT_S)

    def wait(self) -> tuple[int, str]:
        """Wait for its exit, and return the status and stderr."""
        assert self._process.stderr
        return self._process.wait(TIMEOUT_S), self._process.stderr.read()

    def close(self) -> None:
        self.kill()
        self._reader.join(TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._condition:
                self.lines.append(line.rstrip("\n"))
                self._condition.notify_all()
