"""Plain solids for the blocks of a map: from which height to which a block is drawn."""

from __future__ import annotations

from tmxdb.gbx.block_kinds import block_kind
from tmxdb.gbx.cells import CELL_SIZE_M

_ROAD_TOP_M = {"Stadium": 1.3, "Speed": 1.4, "Alpine": 0.2, "Rally": -1.7, "Island": 1.9, "Bay": 1.3, "Coast": 0.8}
_GROUND_OFFSET_M = {"Stadium": 1.0, "Island": 2.0, "Rally": -1.7, "Alpine": 0.2, "Coast": 0.0}
"""Height of a road above the base of its cell, and of a zone above the top of its cell. docs/facts/maps.md#surfaces."""
GROUND_M = {"Stadium": 9, "Speed": 64, "Alpine": 64, "Rally": 30, "Island": 40, "Bay": 40, "Coast": 16}
"""Height of the ground that no block covers. docs/facts/maps.md#surfaces."""
_PLATFORM_OF_CELL = {"Stadium", "Island", "Bay"}
_THICKNESS_M = 1.2
_ZONE_ROWS = {
    "StadiumDirtHill": 2, "IslandHills6": 6, "BayEsplanade": 4, "CoastDirtCliff": 3, "CoastWaterCliff": 3,
    "CoastQuay": 1,
}  # fmt: skip
"""Rows below a zone that it fills."""
DEFAULT = "Stadium"


def shape(environment: str, name: str) -> tuple[str, float, float]:
    """Return (kind, low, high): heights in metres above the base of the block's lowest cell."""
    kind = block_kind(name)
    environment = environment if environment in CELL_SIZE_M else DEFAULT
    cell_m = float(CELL_SIZE_M[environment][1])
    road = _ROAD_TOP_M[environment]
    if kind in ("ground", "water"):
        offset = -cell_m / 4 if kind == "water" else _GROUND_OFFSET_M.get(environment, 0.0)
        return kind, -cell_m * _ZONE_ROWS.get(name, 0), cell_m + offset
    if kind in ("pillar", "decoration", "other"):
        return kind, 0.0, cell_m
    is_platform = "Platform" in name or kind == "platform"
    top = cell_m if is_platform and environment in _PLATFORM_OF_CELL else road
    return kind, top - _THICKNESS_M, top
