"""Each fact comes from the best source that has it, and "not set" is None everywhere."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest

from tests.gbx.made import UID, a_challenge, a_replay, with_header_chunks
from tmxdb.gbx import GbxError, read_challenge, read_replay
from tmxdb.gbx.format.classes import CHALLENGE, GHOST, REPLAY
from tmxdb.kinds.facts import replay_columns
from tmxdb_sandbox.gbx_writer.writer import NOT_SET, GbxWriter, container


def header(*, time_ms: int = NOT_SET, nickname: str = "", login: str = "", version: int = 7, uid: str = UID) -> bytes:
    """Return header chunk 000 of a replay."""
    chunk = GbxWriter()
    chunk.i32(version)
    chunk.ident(uid, "Stadium", "author")
    chunk.i32(time_ms)
    chunk.string(nickname)
    chunk.string(login)
    return bytes(chunk.data)


def xml(text: str) -> bytes:
    return pack("<I", len(text)) + text.encode()


def a_replay_with_header(chunks: dict[int, bytes], **facts: Any) -> bytes:
    return with_header_chunks(a_replay(**facts), chunks)


# "Not set" in lists and numbers.


def test_a_checkpoint_without_a_time_is_none_and_not_counted() -> None:
    replay = read_replay(a_replay(race_time_ms=None, checkpoints_ms=[2_090, NOT_SET, NOT_SET]))
    assert replay.checkpoints_ms == (2_090, None, None)
    assert replay.checkpoint_count == 1
    columns = replay_columns(replay, None)
    assert (columns["checkpoints_ms"], columns["checkpoint_count"]) == ("[2090, null, null]", 1)


def test_a_price_that_is_not_set_is_none() -> None:
    assert read_challenge(a_challenge(cost=NOT_SET)).cost is None


def test_a_number_of_laps_that_is_not_set_is_none() -> None:
    laps = pack("<Ii", 1, NOT_SET)
    body = GbxWriter()
    body.skippable(CHALLENGE | 0x018, laps)
    body.end_node()
    challenge = read_challenge(container(CHALLENGE, [], bytes(body.data), node_count=1, compress=False))
    assert (challenge.is_multilap, challenge.laps) == (True, None)


@pytest.mark.parametrize("period", [0, 0xFFFFFFFF])
def test_a_sample_period_that_is_not_set_is_none(period: int) -> None:
    assert read_replay(a_replay(sample_period_ms=period)).sample_period_ms is None


# Header and ghost.


def test_names_that_the_header_leaves_empty_come_from_the_ghost() -> None:
    replay = read_replay(a_replay_with_header({REPLAY: header()}, race_time_ms=None, checkpoints_ms=[]))
    assert (replay.login, replay.nickname, replay.nickname_plain) == ("racer", "$o$f00Ra$zcer", "Racer")
    assert (replay.race_time_ms, replay.finished) == (None, False)


def test_a_nickname_comes_from_whichever_chunk_of_the_ghost_has_it() -> None:
    for first, second in (("racer", ""), ("", "racer"), ("racer", "racer")):
        body = GbxWriter()
        body.u32(GHOST | 0x015)
        body.id(first)
        names = GbxWriter()
        names.u32(0)
        names.string(second)
        names.string("")
        body.skippable(GHOST | 0x017, bytes(names.data))
        body.end_node()
        assert read_replay(container(GHOST, [], bytes(body.data), node_count=1, compress=False)).nickname == "racer"


def test_a_time_that_the_header_leaves_empty_comes_from_the_ghost() -> None:
    assert read_replay(a_replay_with_header({REPLAY: header()})).race_time_ms == 6_110


def test_a_damaged_ghost_leaves_the_facts_of_an_incomplete_header() -> None:
    replay = read_replay(a_replay_with_header({REPLAY: header(nickname="a")}, login="x" * 300))
    assert (replay.nickname, replay.login, replay.race_time_ms) == ("a", "", None)
    with pytest.raises(GbxError):
        _ = replay.ghosts


def test_a_map_uid_that_the_embedded_map_leaves_empty_comes_from_the_header() -> None:
    replay = read_replay(a_replay(a_challenge(uid="")))
    assert (replay.challenge.uid, replay.map_uid) == ("", UID)


def test_an_identity_that_the_header_of_a_map_leaves_empty_comes_from_its_body() -> None:
    identity = GbxWriter()
    identity.u8(0)
    identity.ident("", "", "")
    identity.string("")
    identity.u8(9)
    challenge = read_challenge(with_header_chunks(a_challenge(), {CHALLENGE | 0x003: bytes(identity.data)}))
    assert (challenge.uid, challenge.environment, challenge.name) == (UID, "Stadium", "A road")
    assert (challenge.author, challenge.mood) == ("author", "Day")


# Later games.

TURBO = '<header exever="3.3.0" exebuild="2016-11-07_16_15" title="TMTurbo@nadeolabs"><times best="{}"/></header>'


@pytest.mark.parametrize(("best", "race_time_ms"), [("32433", 32_433), ("-1", None), ("4294967295", None)])
def test_a_turbo_replay_has_its_time_in_the_xml(best: str, race_time_ms: int | None) -> None:
    chunks = {REPLAY: header(version=8), REPLAY | 0x001: xml(TURBO.format(best))}
    replay = read_replay(a_replay_with_header(chunks, race_time_ms=None, checkpoints_ms=[]))
    assert (replay.game, replay.race_time_ms, replay.finished) == ("ManiaPlanet", race_time_ms, best == "32433")


def test_the_time_in_the_xml_of_an_unfinished_tmf_replay_is_not_a_race_time() -> None:
    text = '<header exever="2.11.26"><times best="84300" validable="0"/></header>'
    chunks = {REPLAY: header(), REPLAY | 0x001: xml(text)}
    assert read_replay(a_replay_with_header(chunks, race_time_ms=None, checkpoints_ms=[])).race_time_ms is None


@pytest.mark.parametrize(
    ("attributes", "game"),
    [
        ('exever="3.1.0" exebuild="2050-01-01_00_00" title="TMCE@nadeolabs"', "ManiaPlanet"),
        ('exever="3.3.0" exebuild="2050-01-01_00_00"', "ManiaPlanet"),
        ('exever="3.3.0" exebuild="2021-03-01_10_00" title="TMTurbo@nadeolabs"', "ManiaPlanet"),
        ('exever="3.3.0" exebuild="2019-11-19_18_50" title="TMStadium@nadeo"', "ManiaPlanet"),
        ('exever="3.3.0" exebuild="2022-10-06_21_04" title="TMStadium"', "TM2020"),
    ],
)
def test_a_build_of_2050_is_a_placeholder(attributes: str, game: str) -> None:
    race = bytes([13]) + bytes(60)
    text = f'<header type="map" {attributes}></header>'
    chunks = {CHALLENGE | 0x002: race, CHALLENGE | 0x005: xml(text)}
    challenge = read_challenge(with_header_chunks(a_challenge(), chunks))
    assert challenge.game == game
    assert challenge.unread[0].startswith(f"not supported: {game}")


def a_ghost_file(*chunks: tuple[int, bytes]) -> bytes:
    body = GbxWriter()
    for chunk, content in chunks:
        body.skippable(GHOST | chunk, content)
    body.end_node()
    return container(GHOST, [], bytes(body.data), node_count=1, compress=False)


@pytest.mark.parametrize("chunk", [0x01C, 0x023, 0x02A])
def test_a_ghost_file_of_maniaplanet_is_not_supported_and_says_so(chunk: int) -> None:
    replay = read_replay(a_ghost_file((0x005, pack("<i", 1234)), (chunk, bytes(80))))
    assert (replay.game, replay.race_time_ms) == ("ManiaPlanet", 1234)
    assert replay.unread[0] == "not supported: ManiaPlanet, beyond what is given"


def test_a_ghost_file_of_a_classic_game_is_not_taken_for_a_later_one() -> None:
    replay = read_replay(a_ghost_file((0x005, pack("<i", 1234))))
    assert (replay.game, replay.unread) == (None, ())


@pytest.mark.parametrize(
    ("text", "game"),
    [
        ("ManiaPlanet date=2014-09-17_18_00 git=1 GameVersion=3.3.0", "ManiaPlanet"),
        ("TrackmaniaTurbo date=2016-11-07_16_15", "ManiaPlanet"),
        ("Trackmania date=2021-12-03_11_42 git=1 GameVersion=3.3.0", "TM2020"),
        ("TmForever.2.11.26", "TMF"),
    ],
)
def test_the_version_text_names_the_game_of_a_ghost_file(text: str, game: str) -> None:
    body = GbxWriter()
    body.u32(GHOST | 0x019, 1, 0, 0, 0, 0)
    body.string(text)
    body.u32(0, 0, 0)
    body.string("")
    body.u32(0)
    body.end_node()
    assert read_replay(container(GHOST, [], bytes(body.data), node_count=1, compress=False)).game == game


def test_an_unreadable_header_does_not_hide_what_the_map_says() -> None:
    replay = read_replay(a_replay(login="x" * 300, nickname="short"))
    assert replay.map_uid == UID
    assert replay.map_environment
    assert replay.map_author
    with pytest.raises(GbxError):
        _ = replay.login
