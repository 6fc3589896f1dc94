"""A user folder with one made map and one made replay on it, for whoever wants to drive there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tmxdb.gbx.write import write_challenge, write_replay
from tmxdb.sandbox.game import RunningGame, running_game

from .link import Link

UID = "SandboxGameTestMapNumberOne"


def made_map(uid: str = UID, name: str = "First Map", **changes: object) -> bytes:
    facts = {
        "author": "tests",
        "bronze_ms": 9000,
        "silver_ms": 6000,
        "gold_ms": 4000,
        "author_ms": 3000,
        "checkpoint_count": 2,
    }
    return write_challenge(uid=uid, name=name, **{**facts, **changes})  # type: ignore[arg-type]


def made_replay(challenge: bytes, uid: str = UID, **changes: object) -> bytes:
    """3.05 s, checkpoints at 1 and 2 s: straight ahead at 20 m/s, up from the start, left from 1.5 to 1.8 s."""
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
"""What drives that replay again, written by hand."""


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
    """For games that a test starts by itself."""
    return made_folders(tmp_path)


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return made_folders(tmp_path_factory.mktemp("game"))


@pytest.fixture(scope="session")
def shared_game(shared_folders: Folders) -> Iterator[RunningGame]:
    with running_game(**shared_folders.settings) as game:
        yield game


@pytest.fixture
def game(shared_game: RunningGame) -> RunningGame:
    """In its menus, with nobody connected, nothing loaded and an empty log."""
    shared_game.set_faults([])
    shared_game.forget()
    with Link(shared_game.port) as link:
        link.greeted()
        link.command("exit_map", "unload", "set autorewind false", "set draw_game true", "set execute_commands true")
        link.send("2i", 15, 2000)
        link.send("2i", 19, 10)
        link.send("if", 6, 1.0)
        link.ask_frame(8, 8)
        link.answer(5)
        link.expect(4)
        link.send("i", 13)
        assert link.hung_up()
    wait_until(lambda: any(row["text"] == "exit_map" for row in events(shared_game, "command")))  # the last to run
    wait_until(lambda: shared_game.screen() == "menus")
    shared_game.forget()
    return shared_game


@pytest.fixture
def link(game: RunningGame) -> Iterator[Link]:
    """Greeted: the greeting is not answered yet."""
    with Link(game.port) as link:
        yield link.greeted()


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.005)


def events(game: RunningGame, event: str) -> list[dict[str, Any]]:
    return [row for row in game.log() if row["event"] == event]


def says(game: RunningGame, text: str) -> bool:
    """Whether the console has shown a line with this text."""
    return any(text in row["text"] for row in events(game, "console"))


def made_folders(root: Path) -> Folders:
    """`First.Challenge.Gbx`, its replay, and `run.txt`; `sub/Second Map.Challenge.Gbx` without a replay."""
    found = Folders(root / "TmForever", root / "replays")
    for folder in (found.challenges, found.scripts, found.autosaves, found.replays):
        folder.mkdir(parents=True)
    challenge = made_map()
    (found.challenges / "First.Challenge.Gbx").write_bytes(challenge)
    (found.replays / "first.Replay.Gbx").write_bytes(made_replay(challenge))
    (found.scripts / "run.txt").write_text(SCRIPT)
    (found.challenges / "sub").mkdir()
    second = made_map("SandboxGameTestMapNumberTwo", "Second Map")
    (found.challenges / "sub" / "Second Map.Challenge.Gbx").write_bytes(second)
    return found
