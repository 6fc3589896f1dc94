"""A user folder with one made map and one made replay on it, for whoever wants to drive there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tmxdb.gbx.write import write_challenge, write_replay

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
        "samples": [(100.0 + 2 * n, 10.0, 50.0) for n in range(40)],
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
    """`First.Challenge.Gbx`, its replay, and `run.txt`."""
    found = Folders(tmp_path / "TmForever", tmp_path / "replays")
    for folder in (found.challenges, found.scripts, found.autosaves, found.replays):
        folder.mkdir(parents=True)
    challenge = made_map()
    (found.challenges / "First.Challenge.Gbx").write_bytes(challenge)
    (found.replays / "first.Replay.Gbx").write_bytes(made_replay(challenge))
    (found.scripts / "run.txt").write_text(SCRIPT)
    return found
