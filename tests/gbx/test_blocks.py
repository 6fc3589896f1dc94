"""What block names say agrees with where real runs went: kinds and footprints."""

from __future__ import annotations

import math

import pytest

from tests.gbx.golden.test_golden import GOLDEN
from tests.gbx.golden.test_positions import CLASSIC
from tests.gbx.samples import needs_samples, sample
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.gbx.block_kinds import KINDS, block_kind
from tmxdb.gbx.cells import CELL_SIZE_M
from tmxdb.gbx.footprints import footprint
from tmxdb.gbx.map_body import Block

FINISHED = [file for file in CLASSIC if GOLDEN[file]["race_time_ms"] is not None]
MAPS = [file for file, facts in GOLDEN.items() if facts["kind"] == "challenge" and facts["environment"] in CELL_SIZE_M]


def distance_m(environment: str, block: Block, x: float, z: float) -> float:
    """Return how far a position is from the ground that a block covers; 0 inside."""
    width, depth = footprint(environment, block.name)
    if block.direction % 2:
        width, depth = depth, width
    sx, _, sz = CELL_SIZE_M[environment]
    over_x = max(block.x * sx - x, x - (block.x + width) * sx, 0.0)
    over_z = max(block.z * sz - z, z - (block.z + depth) * sz, 0.0)
    return math.hypot(over_x, over_z)


@needs_samples
@pytest.mark.parametrize("file", FINISHED)
def test_a_real_run_ends_at_a_finish(file: str) -> None:
    replay = read_replay(sample(file))
    environment, samples, end_ms = replay.map_environment, replay.samples, replay.race_time_ms
    assert environment
    assert samples
    assert end_ms is not None
    times_ms = samples.times_ms()
    # Where the samples end before the finish, the car goes on from the last two as it went between them.
    after = next((at for at, time_ms in enumerate(times_ms) if time_ms >= end_ms), len(times_ms) - 1)
    before = max(after - 1, 0)
    share = (end_ms - times_ms[before]) / max(times_ms[after] - times_ms[before], 1)
    x, z = (samples[before][at] + share * (samples[after][at] - samples[before][at]) for at in (1, 3))
    ends = [block for block in replay.challenge.blocks if block_kind(block.name) in ("finish", "multilap")]
    assert ends
    assert min(distance_m(environment, block, x, z) for block in ends) < 4  # the nose of the car touches first


@needs_samples
@pytest.mark.parametrize("file", MAPS)
def test_a_real_map_has_one_start(file: str) -> None:
    kinds = [block_kind(block.name) for block in read_challenge(sample(file)).blocks if not block.is_clip]
    if not kinds:  # a mod of the game wrote a false list: docs/facts/maps.md#block-lists
        return
    assert kinds.count("start") + kinds.count("multilap") == 1
    assert {"finish", "multilap"} & set(kinds)
    assert kinds.count("other") <= len(kinds) // 20


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("StadiumRoadMainStartLine", "start"),
        ("StadiumRoadMainStartFinishLine", "multilap"),
        ("CoastFinish", "finish"),
        ("RallyCastleRoadCheckPoint", "checkpoint"),
        ("StadiumCheckpointPillar", "pillar"),
        ("StadiumTubePilar", "pillar"),
        ("StadiumCircuitLoopStart", "platform"),
        ("StadiumRoadMainBiSlopeStart", "road"),
        ("StadiumRoadMainTurbo", "boost"),
        ("RallyCastleRampSpeedUp", "boost"),
        ("StadiumRoadMainFWForward", "road"),
        ("StadiumRoadMainFW", "free_wheel"),
        ("StadiumGrass", "ground"),
        ("StadiumGrassClip", "other"),
        ("StadiumPool", "water"),
        ("StadiumRoadDirtHigh", "dirt"),
        ("StadiumTubeRoadCross", "decoration"),
        ("StadiumControlRoadCamera", "decoration"),
        ("", "other"),
    ],
)
def test_names_say_the_kind(name: str, kind: str) -> None:
    assert block_kind(name) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("environment", "name", "size"),
    [
        ("Stadium", "StadiumRoadMain", (1, 1)),
        ("Stadium", "StadiumRoadMainGTCurve4", (4, 4)),
        ("Stadium", "StadiumRoadMainGTCurve3Pillar", (3, 3)),
        ("Stadium", "StadiumLoopLeft", (3, 2)),
        ("Stadium", "StadiumRoadMainGTDiag3x2SlopeMirror", (2, 3)),
        ("Rally", "RallyGT3", (2, 3)),
        ("Coast", "CoastCircuitCheckpoint", (2, 1)),
        ("Bay", "BayCargo", (4, 1)),
        ("Island", "IslandPlatformLoopGT4Start", (1, 1)),
        ("Nowhere", "GTCurve0", (1, 1)),
        ("Stadium", "", (1, 1)),
    ],
)
def test_names_say_the_size(environment: str, name: str, size: tuple[int, int]) -> None:
    assert footprint(environment, name) == size
