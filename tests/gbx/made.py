"""A map and a replay written by the sandbox, with facts that a test can override."""

from __future__ import annotations

from typing import Any

from tmxdb.gbx.format.container import read_container
from tmxdb_sandbox.gbx_writer import write_challenge, write_replay
from tmxdb_sandbox.gbx_writer.writer import container

UID = "abcdefghijklmnopqrstuvwxyz0"

INPUTS = [
    (-20, "Accelerate", 1),
    (1_000, "Steer", -65_536),
    (1_250, "Steer", 32_000),
    (2_000, "Respawn", 1),
    (2_010, "Respawn", 0),
    (5_000, "Accelerate", 0),
    (5_500, "Brake", 1),
]


def a_challenge(**facts: Any) -> bytes:
    defaults = {
        "uid": UID, "name": "A road", "author": "author",
        "bronze_ms": 9_000, "silver_ms": 8_000, "gold_ms": 7_000, "author_ms": 6_000,
    }  # fmt: skip
    return write_challenge(**{**defaults, **facts})


def a_replay(challenge: bytes | None = None, **facts: Any) -> bytes:
    defaults = {
        "map_uid": UID, "environment": "Stadium", "map_author": "author",
        "race_time_ms": 6_110, "checkpoints_ms": [4_170, 6_110], "respawns": 1, "stunt_score": 12,
        "login": "racer", "nickname": "$o$f00Ra$zcer", "ghost_uid": "G" * 27, "inputs": INPUTS,
        "samples": [(float(place), 10.0, 500.0) for place in range(62)],
    }  # fmt: skip
    return write_replay(a_challenge() if challenge is None else challenge, **{**defaults, **facts})


def with_header_chunks(data: bytes, chunks: dict[int, bytes]) -> bytes:
    """Return a file with some of its header chunks replaced."""
    file = read_container(data)
    header = [(chunk, content, False) for chunk, content in {**file.header_chunks, **chunks}.items()]
    return container(file.stored_class_id, header, file.unpack_body(), node_count=file.node_count, compress=False)
