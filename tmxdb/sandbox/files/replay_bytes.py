"""A small `.Replay.Gbx` as TrackMania Forever saves it: the map, one ghost, its checkpoints, inputs and samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from tmxdb.sandbox.files.gbx import END_OF_NODE, NO_NODE, Ids, chunk, gbx_file, skippable, string, u32

_REPLAY, _GHOST = 0x03093000, 0x03092000
_SAMPLES = 0x0303F005
_VEHICLES = {"Stadium": "StadiumCar"}
_CONTROLS = ("_FakeFinishLine", "SteerRight", "SteerLeft", "Accelerate", "_FakeIsRaceRunning", "Respawn")
FINISH, RIGHT, LEFT, ACCELERATE, RUNNING, RESPAWN = range(len(_CONTROLS))
_INPUT = Struct("<IBI").pack
_INPUT_ZERO_MS = 100_000  # stored time of the race's start


@dataclass(frozen=True)
class RunFacts:
    map_uid: str
    environment: str
    map_author: str
    race_time_ms: int
    checkpoints_ms: Sequence[int]  # the last one is the finish
    respawns: int
    stunt_score: int
    login: str
    nickname: str
    ghost_uid: str
    inputs: Sequence[tuple[int, int, int]]  # (race time in ms, control, value), ascending


def replay_file(run: RunFacts, challenge: bytes, samples: bytes) -> bytes:
    """`samples` is the plain and the packed size and the packed data, as `sample_bytes.packed_samples` makes it."""
    header_ids = Ids()
    facts = (
        u32(7)
        + header_ids.ident(run.map_uid, run.environment, run.map_author)
        + u32(run.race_time_ms)
        + string(run.nickname)
        + string(run.login)
    )
    xml = (
        '<header type="replay" version="TMr.7" exever="2.11.26">'
        f'<challenge uid="{run.map_uid}"/><times best="{run.race_time_ms}" respawns="{run.respawns}" '
        f'stuntscore="{run.stunt_score}" validable="1"/></header>'
    )
    body = b"".join(
        (
            chunk(_REPLAY | 0x002, u32(len(challenge)) + challenge),
            skippable(_REPLAY | 0x007, NO_NODE),
            chunk(_REPLAY | 0x014, u32(10, 1, 1, _GHOST) + _ghost(run, samples) + u32(0, 0)),
            chunk(_REPLAY | 0x015, NO_NODE),
            END_OF_NODE,
        )
    )
    header = [(_REPLAY, facts, False), (_REPLAY | 0x001, string(xml), True)]
    return gbx_file(_REPLAY, header, 2, body)


def _ghost(run: RunFacts, samples: bytes) -> bytes:
    ids = Ids()
    crossings = b"".join(u32(time_ms, 0) for time_ms in run.checkpoints_ms[:-1])
    crossings += u32(run.checkpoints_ms[-1], run.stunt_score)
    vehicle = _VEHICLES.get(run.environment, run.environment + "Car")
    return b"".join(
        (
            chunk(_SAMPLES, samples),
            skippable(_GHOST | 0x005, u32(run.race_time_ms)),
            skippable(_GHOST | 0x008, u32(run.respawns)),
            skippable(_GHOST | 0x009, bytes(12)),
            skippable(_GHOST | 0x00A, u32(run.stunt_score)),
            skippable(_GHOST | 0x00B, u32(len(run.checkpoints_ms)) + crossings),
            chunk(_GHOST | 0x00C, u32(0)),
            chunk(_GHOST | 0x00E, ids.id(run.ghost_uid)),
            chunk(_GHOST | 0x00F, string(run.login)),
            chunk(_GHOST | 0x010, ids.id("")),
            chunk(_GHOST | 0x012, u32(0) + bytes(16)),
            skippable(_GHOST | 0x013, u32(0, 0)),
            skippable(_GHOST | 0x014, u32(7)),
            chunk(_GHOST | 0x015, ids.id(run.nickname)),
            skippable(_GHOST | 0x017, u32(0) + string(run.nickname) + string("")),
            chunk(_GHOST | 0x018, ids.ident(vehicle, "Vehicles", "Nadeo")),
            chunk(_GHOST | 0x019, _inputs(run, ids)),
            END_OF_NODE,
        )
    )


def _inputs(run: RunFacts, ids: Ids) -> bytes:
    entries = b"".join(_INPUT(_INPUT_ZERO_MS + time_ms, control, value) for time_ms, control, value in run.inputs)
    return b"".join(
        (
            u32(run.race_time_ms, 0, len(_CONTROLS)),
            *(ids.id(name) for name in _CONTROLS),
            u32(len(run.inputs), 0),
            entries,
            string("TmForever.2.11.26"),
            u32(0, 0, 0),  # checksum of the program, system, processor
            string("<id>Unassigned</id><laps>1</laps><ct>9</ct>"),
            u32(0),  # seed
        )
    )
