"""The facts of every real sample are those in the golden file, field by field."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.gbx.samples import expected, needs_samples, sample
from tmxdb.gbx import Challenge, GbxError, Replay, read_challenge, read_replay
from tmxdb.gbx.format import xml
from tmxdb.gbx.format.classes import new_id
from tmxdb.gbx.format.container import Container, read_container
from tmxdb.gbx.replay_parts.ghost import Ghost, short_version
from tmxdb.gbx.replay_parts.inputs import Inputs

GOLDEN = expected("golden.json")

CONTAINER: dict[str, Callable[[Container], Any]] = {
    "class_id": lambda c: f"0x{c.stored_class_id:08X}",
    "container_flags": lambda c: c.flags,
    "container_version": lambda c: c.version,
    "body_compressed": lambda c: c.is_packed,
    "body_bytes": lambda c: c.body_bytes,
    "node_count": lambda c: c.node_count,
    "external_refs": lambda c: c.reference_count,
    "header_chunks": lambda c: list(c.header_chunks),
}

REPLAY: dict[str, Callable[[Replay], Any]] = {
    "game": lambda r: r.game,
    "map_uid": lambda r: r.map_uid,
    "map_name": lambda r: r.challenge.name,
    "environment": lambda r: r.map_environment,
    "environment_collection_number": lambda r: int((r.map_environment or "")[1:]),
    "author_login": lambda r: r.map_author,
    "map_length": lambda r: len(r.map_bytes),
    "map_sha256": lambda r: hashlib.sha256(r.map_bytes).hexdigest(),
    "map_header_chunk_count": lambda r: len(r.challenge.container.header_chunks),
    "header_version": lambda r: r.header.version,
    "race_time_ms": lambda r: r.race_time_ms,
    "driver_login": lambda r: r.login,
    "nickname": lambda r: r.nickname,
    "xml_exever": lambda r: r.exever,
    "xml_best_ms": lambda r: xml.number(r.header.xml, "times", "best"),
    "validable": lambda r: r.validable,
    "game_version": lambda r: r.game_version,
    "has_clip": lambda r: r.has_clip,
    "ghost_count": lambda r: r.ghost_count,
    "ghosts": lambda r: [{"nick": g.nickname, "race_time": g.race_time_ms, "uid": g.uid} for g in r.ghosts],
    # facts of the first ghost of the list, which is not always the record
    "ghost_uid": lambda r: r.ghosts[0].uid,
    "ghost_time_ms": lambda r: r.ghosts[0].race_time_ms,
    "checkpoints_ms": lambda r: _list(r.ghosts[0].checkpoints_ms),
    "checkpoint_count": lambda r: _of_checkpoints(r.ghosts[0], len),
    "last_checkpoint_ms": lambda r: _of_checkpoints(r.ghosts[0], lambda times: times[-1] if times else None),
    "respawns_counter": lambda r: r.ghosts[0].respawns,
    "stunt_score": lambda r: r.ghosts[0].stunt_score,
    "sample_period_ms": lambda r: r.ghosts[0].sample_period_ms,
    "sample_count": lambda r: None if r.ghosts[0].samples is None else len(r.ghosts[0].samples),
    "control_entries": lambda r: _of_inputs(r, lambda i: i.count),
    "respawn_events": lambda r: _of_inputs(r, lambda i: i.respawns),
    "control_names": lambda r: _of_inputs(r, lambda i: list(i.controls) or None),
    "events_base_ms": lambda r: _of_inputs(r, lambda i: i.clock_shift_ms if i.count else None),
    "events_duration_ms": lambda r: _of_inputs(r, lambda i: i.duration_ms) or 0,
}

CHALLENGE: dict[str, Callable[[Challenge], Any]] = {
    "game": lambda c: c.game,
    "map_uid": lambda c: c.uid,
    "body_map_uid": lambda c: c.body.uid,
    "map_name": lambda c: c.name,
    "environment": lambda c: c.environment,
    "author_login": lambda c: c.author,
    "game_version": lambda c: c.exever,
    "author_time_ms": lambda c: c.author_ms,
    "mode": lambda c: c.map_type,
    "multilap": lambda c: c.is_multilap,
    "cost": lambda c: c.cost,
    "thumbnail_bytes": lambda c: len(c.thumbnail) if c.thumbnail is not None else None,
    "comments": lambda c: c.comments,
    "password_protected": lambda c: c.password_protected,
}

NOT_FACTS = {"sha256", "bytes", "kind", "readers", "reader_notes", "pygbx_logged_errors"}
NOT_OFFERED = {"clip_ghost_count"}  # ghosts in the clip of a replay are not read
BYTE_ORDER_MARKS = {"nickname_has_bom", "name_has_bom"}  # checked in the bytes, below


def _list(times: tuple[int, ...] | None) -> list[int] | None:
    return None if times is None else list(times)


def _of_checkpoints(ghost: Ghost, count: Callable[[tuple[int, ...]], Any]) -> Any:
    return None if ghost.checkpoints_ms is None else count(ghost.checkpoints_ms)


def _of_inputs(replay: Replay, fact: Callable[[Inputs], Any]) -> Any:
    inputs = replay.ghosts[0].recorded or replay._contents.recorded
    return None if inputs is None else fact(inputs)


def _known(kind: str, field: str, value: Any) -> Any:
    """Return the expected value in the form of this library."""
    if field == "header_chunks":
        return [new_id(int(chunk, 16)) for chunk in value]
    if field == "game_version" and kind != "challenge":
        return short_version(value) if value else None  # without the data of the competition patch
    if field == "respawns_counter":
        return None if value == -1 else value
    if field == "ghosts":  # ManiaPlanet and later number their ghosts
        return [{**ghost, "uid": None if isinstance(ghost["uid"], int) else ghost["uid"]} for ghost in value]
    return value


def _differences(file: str, kind: str, facts: dict[str, Callable[[Any], Any]], thing: Any) -> list[str]:
    differences = []
    for field, read in facts.items():
        if field in GOLDEN[file]:
            known, found = _known(kind, field, GOLDEN[file][field]), read(thing)
            if found != known:
                differences.append(f"{file}: {field}: {found!r} instead of {known!r}")
    return differences


def _files(*kinds: str) -> list[str]:
    return [file for file, facts in GOLDEN.items() if facts["kind"] in kinds]


@needs_samples
@pytest.mark.parametrize("file", GOLDEN)
def test_the_container_of_a_real_file_is_as_expected(file: str) -> None:
    container = read_container(sample(file))
    assert len(container.unpack_body()) == container.body_bytes
    assert _differences(file, "container", CONTAINER, container) == []


@needs_samples
@pytest.mark.parametrize("file", _files("replay"))
def test_every_fact_of_a_real_replay_is_as_expected(file: str) -> None:
    replay = read_replay(sample(file))
    replay.check_whole()
    assert _differences(file, "replay", REPLAY, replay) == []


@needs_samples
@pytest.mark.parametrize("file", _files("ghost"))
def test_every_fact_of_a_real_ghost_file_is_as_expected(file: str) -> None:
    replay = read_replay(sample(file))
    facts = {name: read for name, read in REPLAY.items() if not name.startswith("map_") and name != "author_login"}
    assert _differences(file, "ghost", facts, replay) == []
    assert replay.unread[0] == "not supported: TM2020, beyond what is given"
    with pytest.raises(GbxError, match="no map"):
        _ = replay.map_bytes


@needs_samples
@pytest.mark.parametrize("file", _files("challenge"))
def test_every_fact_of_a_real_map_is_as_expected(file: str) -> None:
    challenge = read_challenge(sample(file))
    assert _differences(file, "challenge", CHALLENGE, challenge) == []


@needs_samples
@pytest.mark.parametrize("file", _files("other"))
def test_a_gbx_file_of_another_class_is_refused(file: str) -> None:
    data = sample(file)
    for read in (read_replay, read_challenge):
        with pytest.raises(GbxError) as refused:
            read(data)
        assert refused.value.code == "gbx.wrong_class"


@needs_samples
@pytest.mark.parametrize("file", [file for file in GOLDEN if BYTE_ORDER_MARKS & set(GOLDEN[file])])
def test_a_byte_order_mark_is_not_part_of_a_name(file: str) -> None:
    data = sample(file)
    name = read_replay(data).nickname if GOLDEN[file]["kind"] != "challenge" else read_challenge(data).name
    assert name is None or not name.startswith("\ufeff")
    marked = codecs.BOM_UTF8 + (name or "?").encode()
    has_mark = marked in data or marked in read_container(data).unpack_body()
    assert [has_mark] == [value for field, value in GOLDEN[file].items() if field in BYTE_ORDER_MARKS]


@needs_samples
def test_every_field_of_the_golden_file_is_compared() -> None:
    compared = {*CONTAINER, *REPLAY, *CHALLENGE, *NOT_FACTS, *NOT_OFFERED, *BYTE_ORDER_MARKS}
    assert {field for facts in GOLDEN.values() for field in facts} - compared == set()


@needs_samples
@pytest.mark.parametrize("file", [f for f in _files("replay") if GOLDEN[f]["game"] == "TMF"])
def test_a_tmf_replay_is_read_to_its_last_byte(file: str) -> None:
    assert read_replay(sample(file)).unread == ()


@needs_samples
@pytest.mark.parametrize("file", [f for f in _files("replay", "challenge") if GOLDEN[f]["game"] not in ("TM2020",)])
def test_the_body_of_a_classic_map_is_read_except_for_chunks_of_mods(file: str) -> None:
    data = sample(file)
    challenge = read_replay(data).challenge if GOLDEN[file]["kind"] == "replay" else read_challenge(data)
    assert [note for note in challenge.unread if not note.startswith("chunk 3F001")] == []  # TMUnlimiter


@needs_samples
@pytest.mark.parametrize("file", [f for f in _files("replay") if GOLDEN[f]["game"] == "TM2020"])
def test_a_replay_of_an_unsupported_game_says_so(file: str) -> None:
    replay = read_replay(sample(file))
    assert replay.unread[0] == "not supported: TM2020, beyond what is given"
    assert replay.challenge.unread[0] == "not supported: TM2020, beyond what is given"
