"""The blocks of a map in six bytes for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tmxdb.gbx import Challenge
from tmxdb.gbx.cells import CELL_SIZE_M
from tmxdb.gbx.footprints import footprint
from tmxdb.serve.scene.shapes import DEFAULT, GROUND_M, shape

MAX_BLOCKS = 50_000
"""Ten times as many as in the largest map seen; further blocks are not drawn."""


@dataclass(frozen=True, slots=True)
class PackedBlocks:
    """Blocks for the 3D view. `data`: u16 × n number of the name, then u8 × n x, y, z and direction."""

    n: int
    environment: str
    names: list[tuple[str, int, int, float, float]]
    """(kind, width and depth in cells, lowest and highest point in metres above the base of the block)."""
    data: bytes

    def header(self) -> dict[str, Any]:
        """Return what the browser must know to unpack `data`."""
        known = self.environment if self.environment in CELL_SIZE_M else DEFAULT
        return {
            "n": self.n,
            "environment": self.environment,
            "cell_m": CELL_SIZE_M[known],
            "ground_m": GROUND_M[known],
            "names": self.names,
        }


def packed_blocks(challenge: Challenge) -> PackedBlocks:
    """Return the blocks of a map without its clips. Raise GbxError if the map is damaged."""
    environment = challenge.environment or DEFAULT
    blocks = [block for block in challenge.blocks if not block.is_clip][:MAX_BLOCKS]
    numbers: dict[str, int] = {}
    for block in blocks:
        numbers.setdefault(block.name, len(numbers))
    names = [(*_of_name(environment, name),) for name in numbers]
    columns = [[numbers[block.name] for block in blocks]]
    data = np.array(columns, dtype="<u2").tobytes()
    for part in ("x", "y", "z", "direction"):
        data += np.array([getattr(block, part) for block in blocks], dtype=np.uint8).tobytes()
    return PackedBlocks(len(blocks), environment, names, data)


def no_blocks() -> PackedBlocks:
    """Return an empty map."""
    return PackedBlocks(0, DEFAULT, [], b"")


def _of_name(environment: str, name: str) -> tuple[str, int, int, float, float]:
    kind, low_m, high_m = shape(environment, name)
    width, depth = footprint(environment, name)
    return kind, width, depth, round(low_m, 2), round(high_m, 2)
