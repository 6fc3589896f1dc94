"""Positions of samples and coordinates of blocks agree: every run begins inside the start block of its map."""

from __future__ import annotations

import math
import re
from struct import pack

import pytest

from tests.gbx.damage.test_layouts import GAMES
from tests.gbx.golden.test_golden import GOLDEN
from tests.gbx.made import UID, a_challenge
from tests.gbx.old_games import old_map
from tests.gbx.samples import needs_samples, sample
from tmxdb.gbx import GbxError, read_challenge, read_replay
from tmxdb.gbx.cells import CELL_SIZE_M, cell_at
from tmxdb.gbx.format.classes import CHALLENGE
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.map_body import Block
from tmxdb.gbx.replay_parts.samples import read_plain_samples
from tmxdb_sandbox.gbx_writer.writer import GbxWriter, container

START_HEIGHT_M = {
    "StadiumRoadMainStartLine": 2.21,
    "StadiumRoadMainStartFinishLine": 1.57,
    "SpeedClassicStartLine": 1.6,
    "AlpineRoadWoodStartLine": 0.5,
    "RallyMediumStartLine": -1.2,
    "IslandHighWayStartLine": 2.1,
    "IslandPlatformStartLine": 8.0,
    "BayRoadStartLine": 1.5,
    "CoastCircuitRoadStartLine": 0.1,
}
"""Height of the car above the base of the start block: docs/facts/maps.md#start-positions."""

CLASSIC = [file for file, facts in GOLDEN.items() if facts["kind"] == "replay" and facts["environment"] in CELL_SIZE_M]


def start_of(blocks: tuple[Block, ...]) -> Block:
    (start,) = [block for block in blocks if re.search("Start(Finish)?Line$", block.name)]
    return start


@needs_samples
@pytest.mark.parametrize("file", CLASSIC)
def test_a_real_run_begins_inside_the_start_block_of_its_map(file: str) -> None:
    replay = read_replay(sample(file))
    environment = replay.map_environment
    assert replay.samples
    assert environment is not None
    position = next(iter(replay.samples.positions()))
    start = start_of(replay.challenge.blocks)
    x, _, z = cell_at(environment, position)
    assert (x, z) == (start.x, start.z)
    height_m = position[1] - start.y * CELL_SIZE_M[environment][1]
    assert height_m == pytest.approx(START_HEIGHT_M[start.name], abs=0.05)
    assert position == replay.samples[0][1:4]


@needs_samples
@pytest.mark.parametrize("file", CLASSIC)
def test_the_direction_of_a_real_run_is_that_of_its_positions(file: str) -> None:
    samples = read_replay(sample(file)).samples
    assert samples
    agreement = []
    for before, at, after in zip(samples, samples[1:], samples[2:], strict=False):
        moved = [b - a for a, b in zip(before[1:4], after[1:4], strict=True)]
        metres = math.hypot(*moved)
        # Faster than 50 km/h, and not moved by a respawn.
        if at.speed_kmh > 50 and metres < at.speed_kmh / 3.6 * (after.time_ms - before.time_ms) / 1000 * 1.2:
            across = math.cos(at.pitch)
            direction = (math.cos(at.heading) * across, math.sin(at.heading) * across, math.sin(at.pitch))
            agreement.append(sum(a * b for a, b in zip(direction, moved, strict=True)) / metres)
    assert not agreement or sorted(agreement)[len(agreement) // 10] > 0.95


@needs_samples
def test_every_game_has_a_real_run() -> None:
    games = {GOLDEN[file]["game"] for file in CLASSIC}
    assert games == {facts["game"] for facts in GOLDEN.values() if facts["kind"] == "replay"} - {"TM2020"}


# Blocks.


@pytest.mark.parametrize(("game", "environment"), GAMES)
def test_blocks_are_read_in_every_layout(game: str, environment: str) -> None:
    challenge = read_challenge(old_map(game, environment))
    if game == "TM1.0":
        assert challenge.blocks == (Block("Road", 3, 4, 5, 2, 0x4000),)
    else:
        assert challenge.blocks == (Block("Road", 3, 4, 5, 2, 0x1000), Block("Road", 6, 7, 8, 1, 0x8000))
    assert challenge.unread == ()


def test_flags_of_a_block_have_names() -> None:
    kinds = [(block.is_ground, block.is_clip, block.is_pillar) for block in map(a_block, (0x1000, 0x2000, 0x4000, 0))]
    assert kinds == [(True, False, False), (False, True, False), (False, False, True), (False, False, False)]


def a_block(flags: int) -> Block:
    return Block("Road", 0, 0, 0, 0, flags)


def test_blocks_of_a_written_map_run_from_start_to_finish() -> None:
    blocks = read_challenge(a_challenge(checkpoint_count=2)).blocks
    assert [block.name for block in blocks] == [
        "StadiumRoadMainStartLine", *["StadiumRoadMainCheckpoint"] * 2, "StadiumRoadMainFinishLine",
    ]  # fmt: skip
    assert [(block.x, block.y, block.z) for block in blocks] == [(16, 1, 15 + place) for place in range(4)]


def a_map_with_blocks(*rows: bytes) -> bytes:
    body = GbxWriter()
    body.u32(CHALLENGE | 0x01F)
    body.ident(UID, "Stadium", "author")
    body.string("A map")
    body.ident("Day", "Stadium", "Nadeo")
    body.u32(32, 32, 32, 0, 1, len(rows))
    for row in rows:
        body.id("Road")
        body.raw(row)
    body.end_node()
    return container(CHALLENGE, [], bytes(body.data), node_count=1, compress=False)


def test_false_blocks_of_a_mod_are_left_out() -> None:
    false = bytes([255, 255, 255, 255]) + pack("<I", 0x7FFF)
    assert read_challenge(a_map_with_blocks(bytes(8), false)).blocks == (a_block(0),)


def test_a_false_number_of_blocks_is_refused() -> None:
    data = a_map_with_blocks(bytes(8)).replace(pack("<II", 1, 1), pack("<II", 1, 5_000_000))
    with pytest.raises(GbxError, match="5,000,000 blocks"):
        _ = read_challenge(data).blocks


# Positions.


def plain_samples(version: int, size: int, positions: list[tuple[float, float, float]], shift: int) -> Stream:
    rows = [bytes([0x70] * shift) + pack("<3f", *position) for position in positions]
    data = b"".join(row.ljust(size, b"\0") for row in rows)
    offsets = [size * number for number in range(len(rows))]
    block = pack("<I", len(data)) + data + pack(f"<I{len(offsets)}I", len(offsets), *offsets)
    return Stream(block + pack("<IIii", 0, 1, 100, version))


POSITIONS = [(100.0, 9.0, 200.0), (110.0, 9.0, 200.0), (120.0, 9.0, 210.0)]


@pytest.mark.parametrize(("version", "size", "shift"), [(2, 46, 1), (7, 56, 0), (8, 60, 0), (9, 61, 0)])
def test_a_position_is_read_at_its_place_in_every_version(version: int, size: int, shift: int) -> None:
    samples = read_plain_samples(plain_samples(version, size, POSITIONS, shift))
    assert list(samples.positions()) == POSITIONS
    assert [row[1:4] for row in samples] == POSITIONS


def test_speed_and_direction_of_the_oldest_samples_come_from_their_positions() -> None:
    samples = read_plain_samples(plain_samples(2, 46, POSITIONS, 1))
    assert [row.time_ms for row in samples] == [0, 100, 200]
    assert samples[0].speed_kmh == pytest.approx(360)
    assert (samples[0].heading, samples[0].pitch) == (0.0, 0.0)
    assert (samples[1].heading, samples[1].pitch) == (0.0, pytest.approx(math.atan2(10, 20)))
    assert all(math.isnan(angle) for angle in samples[1][7:])


def test_a_single_sample_stands_still() -> None:
    assert read_plain_samples(plain_samples(2, 46, POSITIONS[:1], 1))[0].speed_kmh == 0.0


def test_a_sample_of_the_oldest_version_must_fit_its_position() -> None:
    with pytest.raises(GbxError, match="1 samples do not fit in 12 bytes"):
        read_plain_samples(plain_samples(2, 12, POSITIONS[:1], 0))
    assert len(read_plain_samples(plain_samples(2, 13, POSITIONS[:1], 1))) == 1


@pytest.mark.parametrize("environment", CELL_SIZE_M)
def test_a_position_is_in_the_cell_whose_low_corner_is_below_it(environment: str) -> None:
    sizes = CELL_SIZE_M[environment]
    x, y, z = (size * cell for size, cell in zip(sizes, (3, 4, 5), strict=True))
    assert cell_at(environment, (x, y, z)) == (3, 4, 5)
    assert cell_at(environment, (x - 0.01, y - 0.01, z - 0.01)) == (2, 3, 4)
    assert cell_at(environment, (-0.01, 0.0, 0.0)) == (-1, 0, 0)
