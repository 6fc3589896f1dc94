"""Run the game in a process of its own, for tests and the demo, and stop it reliably."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tmxdb.errors import InvalidInput
from tmxdb_sandbox.child import started
from tmxdb_sandbox.game.settings import GameSettings


class RunningGame:
    """A running stand-in. `port` is what a driver needs; the rest is for tests."""

    def __init__(self, process: subprocess.Popen[str], port: int, settings: GameSettings) -> None:
        self.port = port
        self.settings = settings
        self.pid = process.pid
        self._process = process
        self._lock = threading.Lock()

    # State

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> list[dict[str, Any]]:
        """Return the events in order; docs/reference/sandbox-game.md lists them."""
        return list(self._request("log"))

    def stats(self) -> dict[str, Any]:
        """Return `counts`, `held_ms` and `longest_ms` by event."""
        return dict(self._request("stats"))

    def screen(self) -> str:
        """Return what the game shows: starting, menus, loading, press a key, intro, race, end."""
        return str(self._request("screen"))

    # Control

    def clear_log(self) -> None:
        """Empty the log and reset the counters."""
        self._request("forget")

    def set_faults(self, faults: Sequence[str]) -> None:
        """Replace all faults, from the next map, race or frame on. Raise InvalidInput for an invalid fault."""
        self._request("faults", list(faults))

    def freeze(self) -> None:
        """Make the game stand still until `thaw`."""
        self._request("freeze")

    def thaw(self) -> None:
        """Let a frozen game go on."""
        self._request("thaw")

    def kill(self) -> None:
        """End the process, as a crash does."""
        self._process.kill()
        self._process.wait()

    def _request(self, request: str, value: Any = None) -> Any:
        """Send a request and return its answer. Raise InvalidInput if the game has ended or refuses."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            line = ""
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps({"request": request, "value": value}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
        if not line:
            raise InvalidInput(f"the sandbox game on port {self.port} has ended. Start it again.")
        answer = json.loads(line)
        if "error" in answer:
            raise InvalidInput(str(answer["error"]))
        return answer["answer"]


@contextlib.contextmanager
def running_game(settings: GameSettings | None = None, **changes: Any) -> Iterator[RunningGame]:
    """Run a game inside the `with`: `with running_game(user_folder=folder, replay_folders=[replays]) as game:`.

    Takes `GameSettings`, or its fields by name; paths may be Path objects. Raise InvalidInput if they cannot be used.
    """
    settings = settings or GameSettings(**{name: _to_json_value(value) for name, value in changes.items()})
    to_json, greeting = settings.to_json(), "port "
    with started("tmxdb_sandbox.game", "--settings-on-stdin", settings=to_json, greeting=greeting) as (process, line):
        yield RunningGame(process, int(line.removeprefix(greeting)), settings)


def _to_json_value(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_to_json_value(one) for one in value] if isinstance(value, (list, tuple)) else value
