"""Write a TMF replay with one ghost. Order and contents of the chunks as in replays saved by the game.

Layout: docs/facts/gbx.md#replay-body and docs/facts/gbx.md#ghost.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from struct import Struct, pack

from tmxdb.gbx.format.classes import GHOST, GHOST_SAMPLES, REPLAY
from tmxdb.gbx.replay_parts.inputs import ANALOG_CONTROLS, CLOCK_ORIGIN_MS, ENTRY, RACE_END, RACE_START
from tmxdb_sandbox.gbx_writer.writer import NOT_SET, GbxWriter, container, xml_text

_SAVED_REPLAY = 0x2407E000  # TMF saves replays under an old class id, with new chunk ids
_CAR = 0x0A02B000
_SAMPLE = Struct("<3fHhhhbb39x")  # version 9, 61 bytes
_SAMPLE_VERSION = 9


def write_replay(
    challenge: bytes,
    *,
    map_uid: str,
    environment: str,
    map_author: str,
    race_time_ms: int | None,
    checkpoints_ms: Sequence[int],
    respawns: int = 0,
    stunt_score: int = 0,
    login: str,
    nickname: str,
    ghost_uid: str,
    inputs: Iterable[tuple[int, str, int]],
    samples: Iterable[Sequence[float]] | bytes | None = None,
    sample_period_ms: int = 100,
    game_version: str = "TmForever.2.11.26",
    validable: bool = True,
    shift: int = 0,
    exever: str = "2.11.26",
    compress: bool = False,
) -> bytes:
    """Return a replay file with an embedded map file.

    `race_time_ms` is None for a run that did not finish. `inputs` are (time on the race clock, control, value) in the
    order of time, with values as in `InputEvent`; the marks of start and finish are added. `samples` are (x, y, z, …)
    in metres, or bytes as stored in chunk 0303F005: plain size, packed size, zlib data. `shift` is by how many ms the
    game clock is ahead of the race clock: 65535 in replays by TMInterface. `compress` makes the file smaller and
    writing much slower.
    """
    time = NOT_SET if race_time_ms is None else race_time_ms
    facts = GbxWriter()
    facts.u32(7)
    facts.ident(map_uid, environment, map_author)
    facts.i32(time)
    facts.string(nickname)
    facts.string(login)
    xml = GbxWriter()
    xml.string(
        f'<header type="replay" version="TMr.7" exever="{xml_text(exever)}">'
        f'<challenge uid="{xml_text(map_uid)}"/>'
        f'<times best="{time}" respawns="{respawns}" stuntscore="{stunt_score}" validable="{int(validable)}"/>'
        "</header>"
    )
    header = [(REPLAY, bytes(facts.data), False), (REPLAY | 0x001, bytes(xml.data), True)]

    body = GbxWriter()
    body.u32(REPLAY | 0x002, len(challenge))
    body.raw(challenge)
    body.skippable(REPLAY | 0x007, pack("<i", NOT_SET))
    body.u32(REPLAY | 0x014, 10, 1, 1, GHOST)
    _samples(body, () if samples is None else samples, sample_period_ms)
    _results(body, time, checkpoints_ms, respawns, stunt_score)
    _driver(body, login, nickname, ghost_uid, environment)
    _inputs(body, inputs, time, shift, game_version)
    body.end_node()
    body.u32(0, 0, REPLAY | 0x015)
    body.i32(NOT_SET)
    body.end_node()
    return container(_SAVED_REPLAY, header, bytes(body.data), node_count=2, compress=compress)


def _samples(body: GbxWriter, samples: Iterable[Sequence[float]] | bytes, period_ms: int) -> None:
    if isinstance(samples, bytes):
        body.u32(GHOST_SAMPLES | 0x005)
        body.raw(samples)
        return
    rows = [_SAMPLE.pack(*sample[:3], 0, 0, 0, -32768, 0, 0) for sample in samples]
    data = b"".join(rows)
    plain = pack("<6I", _CAR, 1, 0, period_ms, _SAMPLE_VERSION, len(data)) + data + pack("<I", len(rows))
    if rows:
        plain += pack("<I", 0)
    if len(rows) > 1:
        plain += pack("<I", _SAMPLE.size)
    packed = zlib.compress(plain, 1)
    body.u32(GHOST_SAMPLES | 0x005, len(plain), len(packed))
    body.raw(packed)


def _results(body: GbxWriter, time: int, checkpoints_ms: Sequence[int], respawns: int, stunt_score: int) -> None:
    body.skippable(GHOST | 0x005, pack("<i", time))
    body.skippable(GHOST | 0x008, pack("<i", respawns))
    body.skippable(GHOST | 0x009, pack("<3f", 1.0, 0.0, 0.0))
    body.skippable(GHOST | 0x00A, pack("<i", stunt_score))
    crossings = b"".join(pack("<2i", checkpoint, 0) for checkpoint in checkpoints_ms)
    body.skippable(GHOST | 0x00B, pack("<I", len(checkpoints_ms)) + crossings)
    body.u32(GHOST | 0x00C, 0)


def _driver(body: GbxWriter, login: str, nickname: str, ghost_uid: str, environment: str) -> None:
    body.u32(GHOST | 0x00E)
    body.id(ghost_uid)
    body.u32(GHOST | 0x00F)
    body.string(login)
    body.u32(GHOST | 0x010)
    body.id("")
    body.u32(GHOST | 0x012, 0)
    body.raw(bytes(16))
    body.skippable(GHOST | 0x013, bytes(8))
    body.skippable(GHOST | 0x014, pack("<I", 7))
    body.u32(GHOST | 0x015)
    body.id(nickname)
    look = GbxWriter()
    look.u32(0)
    look.string(nickname)
    look.string("")
    body.skippable(GHOST | 0x017, bytes(look.data))
    body.u32(GHOST | 0x018)
    body.ident(f"{environment}Car", "Vehicles", "Nadeo")


def _inputs(body: GbxWriter, inputs: Iterable[tuple[int, str, int]], time: int, shift: int, version: str) -> None:
    body.u32(GHOST | 0x019)
    marks = [(0, RACE_START, 1)]
    if time != NOT_SET:
        marks.append((time, RACE_END, 1))
    events = sorted([*marks, *inputs], key=lambda event: event[0])
    duration_ms = events[-1][0] if time == NOT_SET else time
    if duration_ms <= 0:
        body.u32(0)
        return
    controls = list(dict.fromkeys(control for _, control, _ in events))
    index = {control: number for number, control in enumerate(controls)}
    body.u32(duration_ms, 0, len(controls))
    for control in controls:
        body.id(control)
    body.u32(len(events), 0)
    origin_ms = CLOCK_ORIGIN_MS + shift
    body.raw(
        b"".join(
            ENTRY.pack(time_ms + origin_ms, index[control], value & 0xFFFFFF if control in ANALOG_CONTROLS else value)
            for time_ms, control, value in events
        )
    )
    body.string(version)
    body.u32(0, 0, 0)
    body.string("<id>Unassigned</id><laps>1</laps><ct>9</ct>")
    body.u32(0)  # seed
