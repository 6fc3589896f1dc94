"""Start Python code in a process of its own, forked from a server that has imported tmxdb already.

Importing tmxdb takes most of a second of a process that may live for less. Each test session starts one server, on
first use, and asks it for processes; they behave like those of `subprocess.Popen`. Elsewhere than on Linux, and for
options that only Popen has, processes are started as usual.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = (
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "tmxdb.capture.map_starts",
    "tmxdb.cli.actions.mirror.plan",
    "tmxdb.cli.actions.mirror.sync_tracks",
    "tmxdb.cli.actions.mirror.work",
    "tmxdb.cli.entry",
    "tmxdb.kinds.captures.capture",
    "tmxdb.kinds.download",
    "tmxdb.kinds.extract",
    "tmxdb.kinds.list",
    "tmxdb.tmx.http.curl_adapter",
    "tmxdb.upkeep.backup",
    "tmxdb.upkeep.copying",
    "tmxdb.upkeep.verify",
    "tmxdb_sandbox.game.control",
    "tmxdb_sandbox.game.world.game",
    "tmxdb_sandbox.server",
)
_LENGTH = 8
"""Bytes of the number before each request."""


def python(
    code: str,
    *arguments: object,
    cwd: Path | str = ".",
    env: Mapping[str, str] | None = None,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    before: Callable[[], None] | None = None,
) -> AnyProcess:
    """Start `python -c code arguments…`; streams are text. `before` is called in the process first; POSIX only."""
    words = [*map(str, arguments)]
    env = dict(os.environ if env is None else env)
    if sys.platform != "linux" or before is not None:
        command = [sys.executable, "-c", code, *words]
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, text=True, preexec_fn=before
        )
    request = {"code": code, "arguments": words, "cwd": os.path.abspath(cwd), "env": env}
    return _server().start(request, stdin, stdout, stderr)


def module(name: str, arguments: Sequence[str]) -> AnyProcess:
    """Start `python -m name arguments…` with pipes for its input and output. It ignores Ctrl-C."""
    return python(_MODULE.format(name=name), *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


_MODULE = """
import os, runpy, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
try:
    runpy.run_module({name!r}, run_name="__main__")
except SystemExit as ended:
    sys.stdout.flush()
    os._exit(ended.code)
"""


class Process:
    """A process of the server, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, status: int, streams: list[IO[str] | None]) -> None:
        self.pid, self._status = pid, status
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = streams

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raise TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int(os.read(self._status, 20)))
            os.close(self._status)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str | None, str | None]:
        """Close the input, read all output and wait for the end. Raise TimeoutExpired after `timeout` seconds."""
        if self.stdin is not None:
            self.stdin.close()
        deadline = None if timeout is None else time.monotonic() + timeout
        said: dict[str, str | None] = {"stdout": None, "stderr": None}

        def read(name: str) -> None:
            with getattr(self, name) as stream:
                said[name] = stream.read()

        readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in said if getattr(self, name)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def __del__(self) -> None:
        if self.returncode is None:
            with contextlib.suppress(OSError):
                os.close(self._status)


AnyProcess = Process | subprocess.Popen[Any]


class _Server:
    """The other end of `serve`."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        code = f"from tests.forked import serve; start = serve({theirs.fileno()}); exec(start)"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(self.close)

    def start(self, request: dict[str, Any], *streams: int | IO[Any] | None) -> Process:
        """Have the server fork. `streams`: input, output and errors, as `subprocess.Popen` takes them."""
        content = json.dumps(request).encode()
        with contextlib.ExitStack() as given:
            pairs = [_stream(wanted, number, given) for number, wanted in enumerate(streams)]
            status, status_write = os.pipe()
            given.callback(os.close, status_write)
            with self._lock:
                socket.send_fds(
                    self._socket, [len(content).to_bytes(_LENGTH)], [*(end for _, end in pairs), status_write]
                )
                self._socket.sendall(content)
                pid = int.from_bytes(self._socket.recv(_LENGTH))
            assert pid, "the server of processes has ended"
        return Process(pid, status, [ours for ours, _ in pairs])

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)


def _stream(wanted: int | IO[Any] | None, number: int, given: contextlib.ExitStack) -> tuple[IO[str] | None, int]:
    """Return this side of a pipe, if one is wanted, and the descriptor for the process."""
    if wanted == subprocess.PIPE:
        read, write = os.pipe()
        ours, theirs = (write, read) if number == 0 else (read, write)
        given.callback(os.close, theirs)
        return os.fdopen(ours, "w" if number == 0 else "r", encoding="utf-8", errors="replace"), theirs
    if wanted is None or wanted == subprocess.DEVNULL:
        if wanted is None and number > 0:
            return None, number
        null = os.open(os.devnull, os.O_RDWR)
        given.callback(os.close, null)
        return None, null
    return None, wanted if isinstance(wanted, int) else wanted.fileno()


_started: list[_Server] = []


def _server() -> _Server:
    if not _started:
        _started.append(_Server())
    return _started[0]


def serve(descriptor: int) -> str:
    """Fork a process for each request. Return in that process, with the code that it must run."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # what was imported is not searched for cycles in each process
    requests = socket.socket(fileno=descriptor)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    statuses: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                os.read(woken, 4096)
                _report_ended(statuses)
            if requests not in ready:
                continue
            length, descriptors, _, _ = socket.recv_fds(requests, _LENGTH, 4)
            if not length:
                os._exit(0)  # the session has ended
            request = _receive(requests, int.from_bytes(length))
            *streams, status = descriptors
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for opened in (woken, wake, status, *statuses.values()):
                    os.close(opened)
                requests.close()
                _become(request, streams)
                return str(request["code"])
            requests.sendall(pid.to_bytes(_LENGTH))
            statuses[pid] = status
            for stream in streams:
                os.close(stream)


def _receive(requests: socket.socket, length: int) -> dict[str, Any]:
    received = bytearray()
    while len(received) < length:
        received += requests.recv(length - len(received))
    request: dict[str, Any] = json.loads(received)
    return request


def _report_ended(statuses: dict[int, int]) -> None:
    """Write the status of each process that has ended to its pipe."""
    for pid in list(statuses):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            pipe = statuses.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(pipe, str(status).encode())
            os.close(pipe)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Give this forked process what a new one would have."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv[:] = ["-c", *request["arguments"]]
