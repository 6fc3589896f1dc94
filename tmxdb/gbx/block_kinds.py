"""What a block is for, by its name: docs/facts/maps.md#kinds-of-blocks."""

from __future__ import annotations

import re
from functools import cache

KINDS = (
    "multilap",
    "start",
    "finish",
    "checkpoint",
    "boost",
    "free_wheel",
    "pillar",
    "ground",
    "water",
    "decoration",
    "platform",
    "dirt",
    "road",
    "other",
)
"""`multilap`: start and finish in one. `ground`: a zone of the terrain. `other`: the name does not say."""
_GROUND = (
    r"^(Stadium(Grass|Dirt|DirtHill|DirtBorder)|Island(Grass|Beach|Hills6)|Bay(Harbor|Docks|Esplanade)"
    r"|Coast(Dirt|Quay|DirtCliff|WaterCliff))$"
    r"|^(SpeedBase|SpeedRock|SpeedToCanyon|Desert|Rock|Canyon|AlpineSnowBase|AlpineTundra|Snow|Tundra|Hills|Ice"
    r"|RallyFlat|RallyHills|RallyRockyGrass|Forest|Lake)"
)
_DECORATION = (
    r"Tree|Rocks?\d?$|Decor|Sign|Advert|Lamp|Light|Camera|Pub|Screen|Inflatable|Sculpt|Airship|Building|Village|Hotel"
    r"|Club|House|Windmill|Container|Barrel|Reservoir|Derrick|Toll|Flag|Saguaros|Chalutier|Antenne|Kiosk|Space|Airport"
    r"|Marina|Jetty|Cargo|Fabric|Fence|Glass|Temple$|Castle$|Peak$|Mountain$|Deadend|Shops|Hangar|^StadiumTube"
    r"|^StadiumCircuitBorder"
)
_PLATFORM = r"Platform|Plateform|CircuitBase|Circuit(Slope|Hole|Ramp|Bump|Loop)|Parvis|Flats|Croisette"
_ROAD = (
    r"Road|HighWay|SeaWay|Tunnel|Garage|Loop|Bridge|G[Tt]|Tilt|Slope|Ramp|Bump|Hole|Jump|Cliff|Classic|Circuit"
    r"|GreatWall|Spin|Hump|Hill"
)
_PATTERNS = [
    ("multilap", re.compile(r"StartFinishLine$")),
    ("start", re.compile(r"StartLine$")),
    ("finish", re.compile(r"Finish(Line)?$")),
    ("checkpoint", re.compile(r"Check[Pp]oint(?!.*Pil+ar$)")),
    ("boost", re.compile(r"Turbo|^Rally.*SpeedUp$")),
    ("free_wheel", re.compile(r"FW$|FreeWheel")),
    ("pillar", re.compile(r"Pil+ar|Support|Pylon")),
    ("water", re.compile(r"^Stadium(Water|Pool)$")),
    ("ground", re.compile(_GROUND)),
    ("decoration", re.compile(_DECORATION)),
    ("platform", re.compile(_PLATFORM)),
    ("dirt", re.compile(r"RoadDirt|^Rally(Road|GT|Medium|Low|High)")),
    ("road", re.compile(_ROAD)),
]
"""In the order in which they are tried. `BiSlopeStart` and `LoopStart` are slopes: a plain `Start` is no start."""


@cache
def block_kind(name: str) -> str:
    """Return one of KINDS."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(name)), "other")
