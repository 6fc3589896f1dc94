"""The game in a process of its own, for tests and the demo: started, looked into, and stopped for sure."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tmxdb.errors import BadInput
from tmxdb.sandbox.child import started
from tmxdb.sandbox.game.settings import GameSettings


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
    to_json, greeting = settings.to_json(), "port "
    with started("tmxdb.sandbox.game", "--settings-on-stdin", settings=to_json, greeting=greeting) as (process, line):
        yield RunningGame(process, int(line.removeprefix(greeting)), settings)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
