"""The layouts of every game, in files written here: the same facts are read from all of them."""

from __future__ import annotations

import pytest

from tests.gbx.made import a_challenge, a_replay
from tests.gbx.old_games import EVENTS, TIMES, old_map, old_replay
from tmxdb.gbx import GbxError, read_challenge, read_replay
from tmxdb.gbx.format import limits
from tmxdb.gbx.format.container import read_container
from tmxdb_sandbox.gbx_writer.writer import container

GAMES = [
    ("TM1.0", "Alpine"),
    ("TMPU", "Speed"),
    ("TMS", "Bay"),
    ("TMO", "Rally"),
    ("TMNESWC", "Stadium"),
    ("TMU", "Coast"),
]
HEADERLESS = ("TMS", "TMO", "TMNESWC")


@pytest.mark.parametrize(("game", "environment"), GAMES)
def test_a_map_of_each_game_gives_its_facts(game: str, environment: str) -> None:
    challenge = read_challenge(old_map(game, environment))
    assert challenge.game == game
    assert (challenge.uid, challenge.name) == (f"{game} uid", f"{game} map")
    assert (challenge.environment, challenge.author) == (environment, "author")
    assert challenge.mood == ("Simple" if game == "TM1.0" else "Sunset")
    assert (challenge.bronze_ms, challenge.silver_ms, challenge.gold_ms, challenge.author_ms) == (
        9000,
        8000,
        7000,
        6000,
    )
    assert challenge.cost == (None if game == "TM1.0" else 250)
    has_type = game not in ("TM1.0", "TMPU")
    assert challenge.map_type == ("platform" if has_type else None)
    assert challenge.laps == (4 if has_type else None)
    assert challenge.checkpoint_count == (1 if has_type else None)
    assert challenge.has_intro is (False if has_type else None)
    assert challenge.author_score == (77 if game in ("TMO", "TMNESWC", "TMU") else None)
    assert challenge.thumbnail == (b"\xff\xd8" if game == "TMU" else None)
    assert challenge.comments == ("hi" if game == "TMU" else None)
    assert challenge.unread == ()


@pytest.mark.parametrize(("game", "environment"), [game for game in GAMES if game[0] in HEADERLESS])
def test_a_map_without_a_header_gives_the_same_facts_from_its_body(game: str, environment: str) -> None:
    challenge = read_challenge(old_map(game, environment, header=False))
    assert challenge.game == game
    assert (challenge.uid, challenge.name, challenge.mood) == (f"{game} uid", f"{game} map", "Sunset")
    assert (challenge.bronze_ms, challenge.author_ms) == (9000, 6000)
    assert (challenge.map_type, challenge.is_multilap, challenge.laps) == ("platform", True, 4)
    assert (challenge.cost, challenge.exever, challenge.thumbnail) == (None, None, None)


@pytest.mark.parametrize(("game", "environment"), GAMES)
def test_a_replay_of_each_game_gives_its_facts(game: str, environment: str) -> None:
    challenge = old_map(game, environment, header=game not in HEADERLESS)
    replay = read_replay(old_replay(game, environment, challenge))
    replay.check_whole()
    assert replay.game == game
    assert replay.map_bytes == challenge
    assert (replay.map_uid, replay.map_environment, replay.map_author) == (f"{game} uid", environment, "author")
    assert (replay.nickname, replay.nickname_plain) == ("$f00Racer", "Racer")
    assert replay.race_time_ms == (None if game == "TM1.0" else TIMES[-1])
    expected = {"TM1.0": None, "TMPU": tuple(TIMES[:1])}.get(game, tuple(TIMES))
    assert replay.checkpoints_ms == expected
    assert replay.login == ("racer" if game == "TMU" else None)
    assert replay.ghost_uid == ("ghost uid" if game == "TMU" else None)
    assert replay.respawns == (None if game in ("TM1.0", "TMPU") else 2)
    assert replay.stunt_score is None
    assert replay.game_version == {"TM1.0": None, "TMU": "TmUnited.0.2.1.0"}.get(game, f"{game} 0.1")
    assert [event.time_ms for event in replay.inputs] == [time for time, _, _ in EVENTS]
    assert replay.inputs[1].control in ("Steer left", "SteerLeft")
    assert (replay.device, replay.respawn_events) == ("keyboard", 1)
    assert replay.sample_period_ms == 50
    assert replay.samples is not None
    assert [(sample.time_ms, sample.x, sample.y, sample.z) for sample in replay.samples] == [
        (0, 1, 2, 3),
        (50, 1, 2, 3),
    ]
    assert replay.samples[1].speed_kmh == pytest.approx(0 if game in ("TM1.0", "TMPU") else 3.6 * 2.71828, abs=0.001)
    assert replay.unread == ()


def test_an_unpacked_body_is_read() -> None:
    packed = read_container(a_replay())
    data = a_replay()
    at = data.index(b"BUCR")
    body_at = 25 + int.from_bytes(data[13:17], "little")
    plain = data[:at] + b"BUUR" + data[at + 4 : body_at] + packed.unpack_body()
    replay = read_replay(plain)
    assert not replay.container.is_packed
    assert (replay.map_bytes, replay.inputs) == (read_replay(data).map_bytes, read_replay(data).inputs)


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_container_of_an_older_version_has_no_header_chunks(version: int) -> None:
    data = a_replay()
    body_at = 25 + int.from_bytes(data[13:17], "little")
    flags = b"BUC" if version == 3 else b"BUCR"
    old = b"GBX" + bytes([version, 0]) + flags + data[9:13] + data[body_at - 8 :]
    replay = read_replay(old)
    assert (replay.container.version, replay.container.header_chunks) == (version, {})
    assert (replay.map_uid, replay.race_time_ms, replay.login) == ("abcdefghijklmnopqrstuvwxyz0", 6110, "racer")


def test_external_references_are_skipped() -> None:
    data = a_replay()
    at = 25 + int.from_bytes(data[13:17], "little") - 4
    folders = (1).to_bytes(4, "little") + b"\x01\0\0\0a" + bytes(4)
    by_name = b"\x01\0\0\0" + b"\x05\0\0\0a.dds" + b"\x02\0\0\0" + b"\x01\0\0\0" + b"\x01\0\0\0"
    by_index = b"\x04\0\0\0" + b"\x09\0\0\0" + b"\x03\0\0\0" + b"\x01\0\0\0"
    replay = read_replay(data[:at] + b"\x02\0\0\0" + bytes(4) + folders + by_name + by_index + data[at + 4 :])
    assert replay.container.reference_count == 2
    assert replay.race_time_ms == 6110
    assert replay.map_bytes == a_challenge()


def test_the_record_is_the_best_of_several_ghosts() -> None:
    data = a_replay()
    body = read_container(data).unpack_body()
    begin = body.index((0x03093014).to_bytes(4, "little")) + 12
    end = body.index((0x03093015).to_bytes(4, "little")) - 8
    ghost = body[begin:end]
    second = ghost.replace((1).to_bytes(4, "little"), (2).to_bytes(4, "little"), 1)
    chunk = (0x03092005).to_bytes(4, "little") + b"PIKS" + (4).to_bytes(4, "little")
    at = second.index(chunk) + len(chunk)
    faster = second[:at] + (6000).to_bytes(4, "little") + second[at + 4 :]
    faster = faster.replace(b"\x03\x00\x00\x00\x00\x00\x00\x40", b"\x00\x00\x00\x40", 1)  # one table of names
    two = body[: begin - 4] + (2).to_bytes(4, "little") + ghost + faster + body[end:]
    replay = read_replay(container(0x03093000, [], two, node_count=3, compress=False))
    assert [ghost.race_time_ms for ghost in replay.ghosts] == [6110, 6000]
    assert replay.record is replay.ghosts[1]
    assert replay.race_time_ms == 6000


def test_as_many_empty_header_chunks_as_allowed_are_read() -> None:
    chunks = [(0x03043100 + number, b"", False) for number in range(limits.MAX_HEADER_CHUNKS)]
    data = container(0x03043000, chunks, b"x", node_count=1, compress=False)
    assert len(read_container(data).header_chunks) == limits.MAX_HEADER_CHUNKS
    with pytest.raises(GbxError, match="33 header chunks; the limit is 32"):
        read_container(container(0x03043000, [*chunks, (0x03043200, b"", False)], b"x", node_count=1, compress=False))


def test_a_body_of_one_byte_is_read_and_an_empty_one_refused() -> None:
    data = container(0x03043000, [], b"x", node_count=1, compress=False)
    assert read_container(data).unpack_body() == b"x"
    empty = data.replace((1).to_bytes(4, "little") + (5).to_bytes(4, "little"), bytes(4) + (5).to_bytes(4, "little"))
    assert empty != data
    with pytest.raises(GbxError, match="an empty body"):
        read_container(empty)


def test_a_car_that_stands_has_a_speed_of_exactly_0() -> None:
    samples = read_replay(a_replay()).samples
    assert samples is not None
    assert samples[0].speed_kmh == 0.0
