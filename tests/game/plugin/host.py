"""The plugin in a real AngelScript engine with a simulated game around it: built once, a process for each test."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from tmxdb.game import plugin

from ...needs import lacking

ENGINE = Path(__file__).with_name("engine")
HEADER = Path("/usr/include/angelscript/scriptarray.h")
LIBRARIES = ("-langelscript-addon", "-langelscript")
PATIENCE_S = 20.0


def build(folder: Path) -> Path:
    """The program; the test is left out where there is nothing to build it with."""
    compiler = shutil.which("g++")
    if compiler is None or not HEADER.exists():
        lacking("no AngelScript engine to run the plugin in: needs g++ and Debian's angelscript-dev")
    program = folder / "host"
    source = [str(ENGINE / "host.cpp"), "-DAS_DEBIAN_LIB", *LIBRARIES]
    subprocess.run([compiler, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, *source], check=True)
    return program


class Host:
    """One running game with the plugin in it. `orders`: see `obey` in engine/host.cpp."""

    def __init__(self, program: Path, *orders: str, port: int | None = None, script: Path = plugin.SCRIPT) -> None:
        self.port = port or free_port()
        self._process = subprocess.Popen(
            [program, script, f"console set custom_port {self.port}", *orders],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self.pid = self._process.pid
        self.said: list[str] = []
        """All lines so far: `command …`, `log warning …`, `script error …`, `done …`."""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def order(self, line: str) -> None:
        """Have it done before the next frame, which is not waited for: the game may be held by a client."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def do(self, line: str) -> None:
        """Have it done, and wait until it is."""
        before = self.said.count(f"done {line}")
        self.order(line)
        self.until(lambda: self.said.count(f"done {line}") > before, f"done {line}")

    def hears(self, text: str) -> str:
        """The first line that has `text` in it, as soon as it is there."""
        self.until(lambda: any(text in line for line in self.said), text)
        return next(line for line in self.said if text in line)

    def until(self, true, what: str) -> None:  # type: ignore[no-untyped-def]
        """Wait for a condition on `said`."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while not true():
                left = deadline - time.monotonic()
                assert left > 0, f"never heard: {what}; heard: {self.said[-20:]}"
                self._news.wait(left)

    @property
    def errors(self) -> list[str]:
        """What the script threw."""
        return [line for line in self.said if line.startswith("script error")]

    def runs(self) -> bool:
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def ended(self) -> tuple[int, str]:
        """Wait for its own end: status, and what it complained of."""
        assert self._process.stderr
        return self._process.wait(PATIENCE_S), self._process.stderr.read()

    def close(self) -> None:
        self.kill()
        self._reader.join(PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self.said.append(line.rstrip("\n"))
                self._news.notify_all()


def free_port() -> int:
    """One on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
