"""The game in a process of its own, for tests and the demo: started, looked into, and stopped for sure."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tmxdb.errors import BadInput
from tmxdb.sandbox.game.settings import GameSettings

_STOP_S = 5.0


class RunningGame:
    """A running stand-in; `port` is what a driver needs. The other methods are for whoever watches."""

    def __init__(self, process: subprocess.Popen[str], port: int, settings: GameSettings) -> None:
        self.port = port
        self.settings = settings
        self.pid = process.pid
        self._process = process
        self._lock = threading.Lock()

    # Looking

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> list[dict[str, Any]]:
        """Everything in order. Each row has `event` and `s` (seconds since the start); docs/sandbox-game.md lists
        the events."""
        return list(self._ask("log"))

    def stats(self) -> dict[str, Any]:
        """`counts`, `held_ms` and `longest_ms` by event."""
        return dict(self._ask("stats"))

    def screen(self) -> str:
        """What the game shows: starting, menus, loading, press a key, intro, race, end."""
        return str(self._ask("screen"))

    # Changing

    def forget(self) -> None:
        """Empties the log and sets the counters to nothing."""
        self._ask("forget")

    def set_faults(self, faults: Sequence[str]) -> None:
        """These and no others, from the next map, race or frame on. Raises BadInput for a text that is none."""
        self._ask("faults", list(faults))

    def freeze(self) -> None:
        """The game stands still, whatever is asked of it, until `thaw`."""
        self._ask("freeze")

    def thaw(self) -> None:
        self._ask("thaw")

    def kill(self) -> None:
        """As a crash does: at once, without a word."""
        self._process.kill()
        self._process.wait()

    def _ask(self, ask: str, value: Any = None) -> Any:
        """Raises BadInput if the game has ended, or says no."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            line = ""
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps({"ask": ask, "value": value}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
        if not line:
            raise BadInput(f"the sandbox game of port {self.port} has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise BadInput(str(answer["error"]))
        return answer["answer"]


@contextlib.contextmanager
def running_game(settings: GameSettings | None = None, **changes: Any) -> Iterator[RunningGame]:
    """A game, alive inside the `with`: `with running_game(user_folder=folder, replay_folders=[replays]) as game:`.

    Takes `GameSettings`, or its fields by name; paths may be Paths. Raises BadInput if they can not be used.
    """
    settings = settings or GameSettings(**{name: _plain(value) for name, value in changes.items()})
    process = subprocess.Popen(
        [sys.executable, "-m", "tmxdb.sandbox.game", "--settings-on-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(settings.to_json() + "\n")
        process.stdin.flush()
        line = process.stdout.readline().strip()
        if not line.startswith("port "):
            raise BadInput(line.removeprefix("error: ") or "the sandbox game did not start")
        yield RunningGame(process, int(line.removeprefix("port ")), settings)
    finally:
        _stop(process)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _environment() -> dict[str, str]:
    """Ours, with the folder of this very package first: the child must not find another tmxdb."""
    package_root = str(Path(__file__).resolve().parents[3])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # it may be gone already
        process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
