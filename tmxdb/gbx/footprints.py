"""How many cells a block covers, by its name: docs/facts/maps.md#footprints.

Only names of blocks that occur in maps are listed. Every other block covers one cell, unless its name gives the radius
of a curve.
"""

from __future__ import annotations

import re
from functools import cache

_RADIUS = re.compile(r"G[Tt](?:Curve)?(\d)")
_PILLAR = re.compile(r"Pil+ar$")
_TILT = "Tilt(?:Straight|CornerLeft|CornerRight)"
_NAMES: dict[str, dict[tuple[int, int], str]] = {
    "Stadium": {
        (1, 2): "RoadMainBiSlope(Start|End)|PlatformToRoad2(Mirror)?|RoadDirtToRoadDirtHigh2"
        "|RoadTiltTransition2(Left|Right)|CircuitBumpUp2|SculptBridgeSlope(Start|End)(Mirror)?|SculptBridgeStraight"
        f"|RoadDirtHill(Slope2|{_TILT}|Wave)",
        (1, 6): "Airship|SculptBridgeSuspendSlope(2|End)(Mirror)?",
        (2, 1): "FabricStraight1x1|InflatableAdvert",
        (2, 2): "RoadMainGTDiag2x2(Slope)?(Mirror)?|RoadTiltTransition2(Curve|Diag)(Left|Right)|FabricCorner(In|Out)"
        "|FabricPillarCornerInAir|InflatableCastleBig|RoadDirtHillTiltCorner(In|Out)|RoadDirtHillTiltToRoad(Left|Right)"
        "|RoadDirtHillSlopeGT2(Bis)?",
        (2, 3): "RoadMainGTDiag3x2(Slope|Tilt)?(Mirror)?|RoadDirtDiagonale(Left|Right)",
        (3, 1): "InflatableCastleDoor",
        (3, 2): "Loop(Left|Right)|RoadMainYShaped(Curve2|Diag2)",
        (3, 3): "FabricCross3x3(Screen)?",
        (3, 4): "RoadMainGTDiag4x3(Slope)?(Mirror)?",
        (4, 6): "SculptArchRing(Start|End)(Mirror)?",
    },
    "Speed": {
        (1, 2): "GarageBiSlope(Start|End)|ClassicDerrick",
        (1, 3): "TiltTransition(Left|Right)|CliffRoad3",
        (2, 1): "FallenContainers|Rocks2",
        (3, 1): "RocksArch",
        (2, 2): "ClassicGtCurve",
        (3, 3): "GtCurve3|ClassicPeak",
        (4, 2): "SpinRight",
        (5, 4): "RockToRockLacetsBis",
        (7, 4): "ClassicMountain",
    },
    "Alpine": {
        (1, 2): "(RoadWood|Tunnel)BiSlope(Start|End)|RoadPlatformBiSlopeEnd|RoadPlateformToSlope(Left|Right)"
        "|RoadWoodTiltSlope(Down)?Corner(Left|Right)|RoadWoodBigSlope2x3|IceRoadExit",
        (2, 1): "LakeBridge|Rocks[23]",
        (2, 2): "RoadWoodTiltGTCurve1Ground",
        (2, 3): "TundraHillsTransitionSlopeDiag2x3Mirror",
        (2, 6): "GreatWallTetrisSnowToToundraSlopeBase6Left",
        (3, 3): "CliffRoadLeft",
        (3, 5): "LakeSlope",
    },
    "Rally": {
        (1, 2): "CastleBiSlope(Start|End)|CastleDrawBridge|RockDecor2",
        (1, 3): "CastleBridge|BridgeMedium",
        (2, 1): "Windmill|HouseGround5",
        (2, 2): "GT1",
        (2, 3): "GT3|GTCurve2",
        (3, 3): "GT[568]",
        (4, 4): "Hill2(SpeedUp)?",
        (6, 4): "Hill1|Hill3(SpeedUp)?",
    },
    "Island": {
        (1, 2): "(HighWay|SeaWay)BiSlope(Start|End)|TunnelExitBiSlopeEnd",
        (1, 1): "PlatformLoopGT4(Start|End)",
        (2, 2): "HighWayGTDiag|PlatformLoopWallCorner|PlatformLoopGT4Corner(Start|End)",
        (2, 3): "HighWayGTBranch(Left|Right)",
        (3, 2): "HighWayGTYShaped|HighWayUTurnSlopeLeft",
    },
    "Bay": {
        (1, 2): "PlatformBiSlope2Start2|PlatformLoop(Start4|End4)|PlatformSlope2Transition(BiSlopeStart)?(Mirror)?"
        "|TunnelExitBiSlope2End",
        (1, 5): "BridgeSusp",
        (2, 1): "AdvertBuilding1|BridgeLoopLeft",
        (2, 2): "PlatformSlope2TransitionBiSlopeStartGTCurve2",
        (3, 2): "RoadYShaped",
        (4, 1): "Cargo(Container)?",
    },
    "Coast": {
        (1, 3): "RoadTransitionCliffSlope3",
        (2, 1): "CircuitCheckpoint|FreeSignsLMirror|Village2[AB]|RoadLoop(Left|Right)",
        (2, 2): "CircuitHigh(BiSlope2|Cross)",
        (2, 4): "RoadGTDiag4Mirror|CircuitTransitionCliffBiSlope4",
        (3, 3): "RoadGTBiSlope1Curve3",
        (5, 5): "CircuitTransitionCliffBiSlope4UShaped",
    },
}
"""Names without the environment in front, as regular expressions, by (width, depth)."""


@cache
def footprint(environment: str, name: str) -> tuple[int, int]:
    """Return the cells (x, z) that a block covers in its own frame. For directions 1 and 3 they are swapped."""
    bare = _PILLAR.sub("", name.removeprefix(environment))
    for size, names in _compiled(environment):
        if names.fullmatch(bare):
            return size
    radius = _RADIUS.search(bare)
    return (int(radius[1]), int(radius[1])) if radius and radius[1] != "0" else (1, 1)


@cache
def _compiled(environment: str) -> list[tuple[tuple[int, int], re.Pattern[str]]]:
    return [(size, re.compile(names)) for size, names in _NAMES.get(environment, {}).items()]
