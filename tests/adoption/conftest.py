"""The command line in a folder of its own, an exchange, and folders as the older scripts left them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tool import site_for_test, tool
from tmxdb_sandbox import RunningSite, running_site
from tmxdb_sandbox.gbx_writer import write_challenge, write_replay

__all__ = ["tool"]
REPLAYS = 12
NEGATIVE = re.compile(r"=-\d|/-\d|=local|/local")
"""A request that names a local id."""


@pytest.fixture(scope="package")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=8, replays=REPLAYS, plain=True) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    """An exchange with eight tracks of twelve ranked replays each."""
    with site_for_test(shared) as site:
        yield site


@dataclass
class OldFolder:
    """A folder below `maps` as the older scripts left it, and what is really in it."""

    root: Path
    good: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)

    @property
    def replays(self) -> Path:
        return self.root / "replays"

    def write(self, track_id: int, name: str, data: bytes) -> Path:
        path = self.replays / str(track_id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


def private_map(n: int, name: str = "Secret") -> bytes:
    return write_challenge(
        uid=f"private{n:020}", name=f"$f00{name} {n}", author="me", bronze_ms=40_000, silver_ms=35_000,
        gold_ms=30_000, author_ms=25_000, checkpoint_count=1,
    )  # fmt: skip


def private_replay(n: int, *, on_map: int, time_ms: int, login: str = "me") -> bytes:
    return write_replay(
        private_map(on_map), map_uid=f"private{on_map:020}", environment="Stadium", map_author="me",
        race_time_ms=time_ms, checkpoints_ms=[time_ms // 20 * 10, time_ms], login=login, nickname=f"$i{login}",
        ghost_uid=f"ghost{n}", inputs=[(0, "Accelerate", 1), (500, "SteerLeft", 1), (700, "SteerLeft", 0)],
        samples=[(float(i), 9.0, 0.0) for i in range(time_ms // 100)],
    )  # fmt: skip


@pytest.fixture
def old(tmp_path: Path, site: RunningSite) -> OldFolder:
    """Three tracks with the right folders; damaged names; 10 cut files, 5 duplicates, 20 private replays."""
    folder = OldFolder(tmp_path / "maps")
    track_ids = site.track_ids()[:3]
    names = []
    for track_id in track_ids:
        for row in site.leaderboard(track_id):
            names.append((track_id, row))
    for n, (track_id, row) in enumerate(names):
        data = site.expected_replay(row["replay_id"])
        # As older scripts on Windows left them: without the user, with control characters, or without any end.
        name = (f"pos{n}_\ufffd\x7f_x.replay.gbx", f"{n}.REPLAY.GBX", f"replay{n}", f"a b {n}.gbx")[n % 4]
        if n % 3 == 2 and len(folder.cut) < 10:
            folder.write(track_id, f"{n} cut.replay.gbx", data[: len(data) // 2])
            folder.cut.add(row["replay_id"])
        else:
            folder.write(track_id, name, data)
            folder.good.add(row["replay_id"])
    for n, replay_id in enumerate(sorted(folder.good)[:5]):
        folder.write(track_ids[0], f"copy {n}.replay.gbx", site.expected_replay(replay_id))
    for n in range(20):
        folder.write(track_ids[n % 3], f"pos0_me_{n}.replay.gbx",
                     private_replay(n, on_map=n % 4, time_ms=31_000 + 10 * n, login=f"me{n}"))  # fmt: skip
    (folder.root / "track_ids.txt").write_text("".join(f"{i}\n" for i in site.track_ids()))
    (folder.replays / ".replay_progress").write_text("5")
    return folder
