"""Fixtures: a user folder with a generated map and a replay on it, and a running game."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.game.wire_client import WireClient
from tmxdb_sandbox.game import RunningGame, running_game
from tmxdb_sandbox.gbx_writer import write_challenge, write_replay

UID = "SandboxGameTestMapNumberOne"


def build_map(uid: str = UID, name: str = "First Map", **changes: object) -> bytes:
    facts = {
        "author": "tests",
        "bronze_ms": 9000,
        "silver_ms": 6000,
        "gold_ms": 4000,
        "author_ms": 3000,
        "checkpoint_count": 2,
    }
    return write_challenge(uid=uid, name=name, **{**facts, **changes})  # type: ignore[arg-type]


def build_replay(challenge: bytes, uid: str = UID, **changes: object) -> bytes:
    """Return a replay of 3.05 s with checkpoints at 1 and 2 s: 20 m/s straight on, up from 0 s, left at 1.5-1.8 s."""
    facts: dict[str, object] = {
        "map_uid": uid,
        "environment": "Stadium",
        "map_author": "tests",
        "race_time_ms": 3050,
        "checkpoints_ms": [1000, 2000, 3050],
        "login": "player",
        "nickname": "Player",
        "ghost_uid": "",
        "inputs": [(10, "Accelerate", 1), (1510, "SteerLeft", 1), (1810, "SteerLeft", 0)],
        "samples": [(100.0, 10.0, 50.0 + 2 * n) for n in range(40)],
    }
    return write_replay(challenge, **{**facts, **changes})  # type: ignore[arg-type]


SCRIPT = "0.00-3.05 press up\n1.50-1.80 press left\n"
"""The script that repeats that replay, written by hand."""


@dataclass(frozen=True)
class Folders:
    user: Path
    replays: Path

    @property
    def challenges(self) -> Path:
        return self.user / "Tracks" / "Challenges"

    @property
    def scripts(self) -> Path:
        return self.user.parent / "TMInterface" / "Scripts"

    @property
    def autosaves(self) -> Path:
        return self.user / "Tracks" / "Replays" / "Autosaves"

    @property
    def settings(self) -> dict[str, object]:
        return {"user_folder": self.user, "replay_folders": [self.replays]}


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Folders for games that a test starts itself."""
    return create_folders(tmp_path)


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return create_folders(tmp_path_factory.mktemp("game"))


@pytest.fixture(scope="session")
def shared_game(shared_folders: Folders) -> Iterator[RunningGame]:
    with running_game(**shared_folders.settings) as game:
        yield game


@pytest.fixture
def game(shared_game: RunningGame) -> RunningGame:
    """A game in its menus, without a client or a script, with an empty log."""
    shared_game.set_faults([])
    shared_game.clear_log()
    with WireClient(shared_game.port) as client:
        client.greet()
        client.command("exit_map", "unload", "set autorewind false", "set draw_game true", "set execute_commands true")
        client.send("2i", 15, 60_000)  # survives this client; the usual 2 s are too short on a busy machine
        client.send("2i", 19, 10)
        client.send("if", 6, 1.0)
        client.request_frame(8, 8)
        client.answer(5)
        client.expect(4)
        client.send("i", 13)
        assert client.is_closed()
    wait_until(lambda: any(row["text"] == "exit_map" for row in events(shared_game, "command")))  # runs last
    wait_until(lambda: shared_game.screen() == "menus")
    shared_game.clear_log()
    return shared_game


@pytest.fixture
def client(game: RunningGame) -> Iterator[WireClient]:
    """A client whose greeting is unanswered."""
    with WireClient(game.port) as client:
        yield client.greet()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never became true"
        time.sleep(0.005)


def events(game: RunningGame, event: str) -> list[dict[str, Any]]:
    return [row for row in game.log() if row["event"] == event]


def console_shows(game: RunningGame, text: str) -> bool:
    """Return whether the console has shown a line with this text."""
    return any(text in row["text"] for row in events(game, "console"))


def create_folders(root: Path) -> Folders:
    """Create `First.Challenge.Gbx`, its replay and `run.txt`, and `sub/Second Map.Challenge.Gbx` without a replay."""
    folders = Folders(root / "TmForever", root / "replays")
    for folder in (folders.challenges, folders.scripts, folders.autosaves, folders.replays):
        folder.mkdir(parents=True)
    challenge = build_map()
    (folders.challenges / "First.Challenge.Gbx").write_bytes(challenge)
    (folders.replays / "first.Replay.Gbx").write_bytes(build_replay(challenge))
    (folders.scripts / "run.txt").write_text(SCRIPT)
    (folders.challenges / "sub").mkdir()
    second = build_map("SandboxGameTestMapNumberTwo", "Second Map")
    (folders.challenges / "sub" / "Second Map.Challenge.Gbx").write_bytes(second)
    return folders
