"""Groups of contact materials, as linesight and rulka tell them apart: docs/facts/training.md#float-inputs."""

from __future__ import annotations

GROUPS = (0, 0, 1, 4, 4, 2, 2, 3, 2, 4, 4, 4, 4, 4, 4, 4, 0, 2, 0, 0, 1, 4, 4, 4, 4, 4, 3, 4, 4, 4, 4)
"""By material: 0 asphalt, 1 grass, 2 dirt, 3 turbo, 4 other."""


def group_of(material: int) -> int:
    """Return the group of a material. Unknown ones count as asphalt, as in rulka."""
    return GROUPS[material] if 0 <= material < len(GROUPS) else 0
