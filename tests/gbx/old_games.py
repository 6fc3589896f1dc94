"""Minimal files in the layouts of the games before TMF."""

from __future__ import annotations

import zlib
from struct import pack

from tmxdb_sandbox.gbx_writer.writer import NOT_SET, GbxWriter, container

MAP, REPLAY, GHOST, PARAMETERS, COLLECTORS = 0x24003000, 0x2403F000, 0x2401B000, 0x2400C000, 0x2403C000
SAVED_REPLAY = 0x2407E000
SAMPLES = 0x0303F000

TIMES = [4_000, 7_500]
EVENTS = [(0, 1, 1), (1_000, 0, 1), (1_500, 0, 0), (2_000, 2, 1)]  # time, index of the control, value


def old_map(game: str, environment: str, *, header: bool = True) -> bytes:
    """Return a map of a game before TMF; without `header` as embedded in replays of TMS, TMO and TMNESWC."""
    body = GbxWriter()
    _parameters(body)
    if game == "TM1.0":
        body.u32(MAP | 0x00F)
        body.ident(f"{game} uid", environment, "author")
        body.u32(8, 8, 8, 10, 1, 3, 0x24007000, 0x24007002)
        body.ident("Road", environment, "Nadeo")
        body.raw(bytes([2, 3, 4, 5]))
        body.u32(1 << 26)  # pillar
        body.end_node()
        body.u32(0)
        body.ident("Simple", environment, "Nadeo")
        body.u32(MAP | 0x012)
        body.string(f"{game} map")
    else:
        if game not in ("TMPU",):
            body.skippable(MAP | 0x017, pack("<4I", 1, 1, 2, 3))
            body.skippable(MAP | 0x018, pack("<2I", 1, 4))
            body.skippable(MAP | 0x01C, pack("<I", 1))
        body.u32(MAP | (0x013 if game == "TMPU" else 0x01F))
        body.ident(f"{game} uid", environment, "author")
        body.string(f"{game} map")
        body.ident("Sunset", environment, "Nadeo")
        body.u32(8, 8, 8, 0)
        if game != "TMPU":
            body.u32(1)
        body.u32(2)
        flags = "<H" if game == "TMPU" else "<I"
        for row, flag in ((bytes([2, 3, 4, 5]), 0x1000), (bytes([1, 6, 7, 8]), 0x8000)):
            body.id("Road")
            body.raw(row + pack(flags, flag))
        body.id("author")
        body.u32(3, 0x2403A000, 0x2403A002)
        body.string("")
        body.raw(bytes([1]))
        body.string("Skins\\a.dds")
        body.string("http://example.invalid/a.dds")
        body.raw(bytes([1]) + bytes(4))
        body.end_node()
        if game != "TMPU":
            body.u32(MAP | 0x021)
            body.i32(NOT_SET, NOT_SET, NOT_SET)
    body.end_node()
    chunks = _map_header(game, environment) if header else []
    return container(MAP, chunks, bytes(body.data), node_count=3, compress=False)


def _parameters(body: GbxWriter) -> None:
    body.u32(MAP | 0x00D)
    body.ident("", "", "")
    body.u32(MAP | 0x011, 1, COLLECTORS, COLLECTORS, 0)
    body.end_node()
    body.u32(2, PARAMETERS, PARAMETERS | 0x004)
    body.i32(9_000, 8_000, 7_000, 6_000, 0)
    body.end_node()
    body.u32(6)


def _map_header(game: str, environment: str) -> list[tuple[int, bytes, bool]]:
    race_version = {"TM1.0": 3, "TMPU": 4, "TMS": 7, "TMO": 10, "TMNESWC": 10, "TMU": 10}[game]
    race = GbxWriter()
    race.u8(race_version)
    race.i32(0, 9_000, 8_000, 7_000, 6_000)
    if race_version >= 4:
        race.i32(250)  # cost
    if race_version >= 7:
        race.i32(1, 1)  # lap race, platform
    if race_version >= 10:
        race.i32(0, 77)
    identity = GbxWriter()
    identity.u8(0 if game == "TM1.0" else 1)
    identity.ident(f"{game} uid", environment, "author")
    identity.string(f"{game} map")
    identity.u8(9)
    if game != "TM1.0":
        identity.u32(0, 0)
    chunks = [(MAP | 2, bytes(race.data), False), (MAP | 3, bytes(identity.data), False)]
    if game == "TMU":
        picture = pack("<2I", 1, 2) + b"<Thumbnail.jpg>\xff\xd8</Thumbnail.jpg><Comments>" + pack("<I", 2)
        chunks.append((MAP | 7, picture + b"hi</Comments>", True))
    return chunks


def old_replay(game: str, environment: str, challenge: bytes) -> bytes:
    """Return a replay with one ghost, checkpoints at TIMES (the last is the finish), and EVENTS."""
    body = GbxWriter()
    body.u32(REPLAY | 0x002, len(challenge))
    body.raw(challenge)
    if game in ("TM1.0", "TMPU"):
        body.u32(REPLAY | 0x003)
        _old_events(body)
    body.u32(REPLAY | 0x004, 4, 10, 1, 1, GHOST)
    _ghost(body, game)
    body.end_node()
    body.u32(0, 0)
    if game == "TM1.0":
        body.u32(REPLAY | 0x005, 0)
    else:
        body.skippable(REPLAY | 0x007, pack("<i", NOT_SET))
    if game in ("TMPU", "TMS", "TMO", "TMNESWC"):
        version = f"{game} 0.1".encode()
        body.skippable(REPLAY | 0x008, pack("<I", len(version)) + version + pack("<I", 0))
    if game in ("TMS", "TMO", "TMNESWC", "TMU"):
        body.u32(REPLAY | 0x00C)
        body.i32(NOT_SET)
    if game in ("TMS", "TMO", "TMNESWC"):
        body.u32(REPLAY | 0x00D)
        _events(body)
    if game == "TMU":
        body.u32(REPLAY | 0x011)
    body.end_node()
    class_id = REPLAY if game in ("TM1.0", "TMPU") else SAVED_REPLAY
    return container(class_id, _replay_header(game, environment), bytes(body.data), node_count=2, compress=False)


def _replay_header(game: str, environment: str) -> list[tuple[int, bytes, bool]]:
    if game == "TM1.0":
        return []
    facts = GbxWriter()
    facts.u32({"TMPU": 1, "TMU": 6}.get(game, 4))
    if game == "TMPU":
        return [(REPLAY, bytes(facts.data), False)]
    facts.ident(f"{game} uid", environment, "author")
    facts.i32(TIMES[-1])
    facts.string("$f00Racer")
    if game == "TMU":
        facts.string("racer")
    return [(REPLAY, bytes(facts.data), False)]


def _ghost(body: GbxWriter, game: str) -> None:
    if game in ("TM1.0", "TMPU"):
        sample, version = b"\x70" + pack("<3f", 1.0, 2.0, 3.0) + bytes(33), 2
    else:
        sample, version = pack("<3fHhhhbb", 1.0, 2.0, 3.0, 0, 0, 0, 1000, 0, 0) + bytes(34), 7
    if game == "TMU":
        plain = pack("<6I", 0x0A02B000, 1, 0, 50, 7, 2 * len(sample)) + 2 * sample + pack("<3I", 2, 0, len(sample))
        packed = zlib.compress(plain)
        body.u32(SAMPLES | 0x005, len(plain), len(packed))
        body.raw(packed)
    else:
        body.u32(SAMPLES | 0x003, 2 * len(sample))
        body.raw(2 * sample)
        body.u32(2, 0, len(sample), 2, 0, 50, 0, 50, version)
    if game not in ("TM1.0", "TMPU", "TMU"):
        body.u32(SAMPLES | 0x004, 0x0A02B000)
    driver = {"TM1.0": (0x003, 0), "TMPU": (0x003, 0), "TMU": (0x00D, 4)}.get(game, (0x006, 1))
    body.u32(GHOST | driver[0])
    body.ident("Car", "Vehicles", "Nadeo")
    body.string("skin")
    body.raw(bytes(4 * driver[1]))
    body.string("$f00Racer")
    if game == "TM1.0":
        return
    body.skippable(GHOST | 0x005, pack("<i", TIMES[-1]))
    if game == "TMPU":
        body.skippable(GHOST | 0x004, pack("<I", 1) + pack("<if", TIMES[0], 55.0))
        return
    body.skippable(GHOST | 0x008, pack("<i", 2))
    body.skippable(GHOST | 0x00A, pack("<i", NOT_SET))
    body.skippable(GHOST | 0x00B, pack("<I", 2) + b"".join(pack("<2i", time, 0) for time in TIMES))
    if game == "TMU":
        body.u32(GHOST | 0x00E)
        body.id("ghost uid")
        body.u32(GHOST | 0x00F)
        body.string("racer")
        body.u32(GHOST | 0x010)
        body.id("")
        body.u32(GHOST | 0x011)
        _events(body)
        body.string("TmUnited.0.2.1.0")
        body.u32(0, 0, 0)
        body.string("<laps>1</laps>")


def _events(body: GbxWriter) -> None:
    body.u32(TIMES[-1], 0, 3)
    for control in ("SteerLeft", "Accelerate", "Respawn"):
        body.id(control)
    body.u32(len(EVENTS), 0)
    for time, control, value in EVENTS:
        body.raw(pack("<IBI", 100_000 + time, control, value))


def _old_events(body: GbxWriter) -> None:
    """Write inputs of TM1.0 and TMPU: newest first, with wider entries and another clock origin."""
    body.u32(TIMES[-1], 0, 3)
    for control in ("Steer left", "Accelerate", "Respawn"):
        body.u32(0, 0)
        body.string(control)
    body.u32(len(EVENTS) + 1)
    for time, control, value in reversed(EVENTS):
        body.raw(pack("<iiI", 10_000 + time, control, 128 * value))
    body.u32(0)
