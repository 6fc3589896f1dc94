"""Cells of maps in world coordinates: docs/facts/maps.md#coordinates."""

from __future__ import annotations

from math import floor

CELL_SIZE_M = {
    "Stadium": (32, 8, 32),
    "Speed": (32, 16, 32),
    "Alpine": (32, 16, 32),
    "Rally": (32, 8, 32),
    "Island": (64, 8, 64),
    "Bay": (32, 8, 32),
    "Coast": (16, 4, 16),
}
"""(x, y, z) in metres by environment."""


def cell_at(environment: str, position: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the cell of a position in metres, in every game up to Forever. Raise KeyError for other environments."""
    x, y, z = (floor(metres / size) for metres, size in zip(position, CELL_SIZE_M[environment], strict=True))
    return x, y, z
