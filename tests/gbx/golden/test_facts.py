"""Single rules of the reader: names, versions, inputs, scripts, thumbnails, and reading on first use."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests import needs
from tests.gbx.made import INPUTS, a_challenge, a_replay
from tmxdb.gbx import GbxError, InputEvent, Inputs, read_challenge, read_replay
from tmxdb.gbx.format import xml
from tmxdb.gbx.format.container import Container
from tmxdb.gbx.format.stream import Stream
from tmxdb.gbx.format.text import decode, plain
from tmxdb.gbx.replay_parts.ghost import short_version
from tmxdb.gbx.replay_parts.inputs import ENTRY
from tmxdb.gbx.script import to_script
from tmxdb.gbx.thumbnail import upright, with_orientation


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", "plain"),
        ("$f00red$z", "red"),
        ("$o$i$w$n$m$s$t$gwide", "wide"),
        ("$h[login]$i$n$o$bbbBIG", "BIG"),
        ("$l[http://example.invalid]link$l", "link"),
        ("$$5", "$5"),
        ("$Foo bar", " bar"),
        ("cut$a0", "cut"),
        ("cut$", "cut"),
        ("$a0$fffok", "ok"),
        ("$333I have no $owords.", "I have no words."),
        pytest.param("$h[" * 20_000, "[" * 20_000, id="links without an end"),
    ],
)
def test_style_codes_are_removed_from_names(name: str, expected: str) -> None:
    assert plain(name) == expected


def test_text_has_no_byte_order_mark_and_invalid_bytes_are_replaced() -> None:
    assert decode(b"\xef\xbb\xbf\xc3\xa4") == "ä"
    assert decode(b"a\xffb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TmForever.2.11.26 ", "TmForever.2.11.26"),
        ("TmForeverCompPatch.2.11.26(1.5).da57ee7", "TmForeverCompPatch.2.11.26(1.5)"),
        ("x" * 700, "x" * 64),
    ],
)
def test_a_version_has_no_patch_data(text: str, expected: str) -> None:
    assert short_version(text) == expected


def test_attributes_are_read_from_their_own_element_only() -> None:
    text = '<header exever="2.11.26"><times best="-1" note="a" validable="1"/></header>'
    assert xml.attribute(text, "header", "exever") == "2.11.26"
    assert xml.number(text, "times", "best") == -1
    assert xml.number(text, "times", "note") is None
    assert xml.attribute(text, "header", "best") is None
    assert xml.attribute(None, "header", "best") is None


# Inputs.


@pytest.mark.parametrize("shift", [0, 65_535])
def test_inputs_are_on_the_race_clock_whatever_the_shift(shift: int) -> None:
    replay = read_replay(a_replay(shift=shift))
    assert replay.recorded is not None
    assert replay.recorded.clock_shift_ms == shift
    assert [event for event in replay.inputs if not event.control.startswith("_Fake")] == INPUTS
    assert replay.inputs[1] == InputEvent(0, "_FakeIsRaceRunning", 1)
    assert replay.inputs[-1] == InputEvent(6110, "_FakeFinishLine", 1)
    assert replay.input_count == len(INPUTS) + 2


@pytest.mark.parametrize(
    ("controls", "device"),
    [
        (["Accelerate", "SteerLeft"], "keyboard"),
        (["Accelerate"], "keyboard"),
        (["Accelerate", "Steer"], "pad"),
        (["Gas"], "pad"),
        (["Steer", "SteerRight"], "mixed"),
        (["Respawn"], None),
        ([], None),
    ],
)
def test_the_device_follows_from_the_controls_that_were_used(controls: list[str], device: str | None) -> None:
    assert read_replay(a_replay(inputs=[(10, control, 1) for control in controls])).device == device


def test_respawns_before_the_start_do_not_count() -> None:
    presses = [(-500, "Respawn", 1), (0, "Respawn", 1), (700, "Respawn", 1), (710, "Respawn", 0)]
    assert read_replay(a_replay(inputs=presses)).respawn_events == 2


def test_analog_values_are_signed() -> None:
    entries = ENTRY.pack(100_000, 0, 0x00FF0000) + ENTRY.pack(100_010, 0, 0x00010000)
    assert [event.value for event in Inputs(20, ("Steer",), entries).events] == [-65_536, 65_536]


def test_a_run_without_inputs_has_no_input_facts() -> None:
    replay = read_replay(a_replay(race_time_ms=None, inputs=[]))
    assert (replay.inputs, replay.input_count, replay.respawn_events, replay.device) == ((), 0, None, None)


# Scripts.


def script(*events: tuple[int, str, int], end: int | None = 5_000) -> list[str]:
    return to_script(tuple(InputEvent(*event) for event in events), end).splitlines()


def test_a_key_is_held_to_its_next_event_and_the_last_one_to_the_finish() -> None:
    assert script((10, "Accelerate", 1), (1_000, "Accelerate", 0), (1_500, "SteerLeft", 1)) == [
        "0.00-0.99 press up",
        "1.49-5.00 press left",
    ]


def test_without_a_finish_a_key_is_only_pressed() -> None:
    assert script((10, "Brake", 1), end=None) == ["0.00 press down"]


def test_keys_held_at_the_start_begin_at_0_and_those_released_before_it_are_dropped() -> None:
    assert script((-300, "Accelerate", 1), (-200, "SteerRight", 1), (-100, "SteerRight", 0)) == ["0.00-5.00 press up"]


def test_a_respawn_is_moved_by_a_tick_only_if_it_is_on_a_tick() -> None:
    assert script((1_000, "Respawn", 1), (2_005, "Respawn", 1), end=None) == [
        "0.99-2.00 press enter",
        "2.00 press enter",
    ]


def test_left_is_negative_in_a_script_unless_the_axis_is_not_inverted() -> None:
    assert script((1_000, "Steer", 65_536), (2_000, "Gas", -7)) == ["0.99 steer -65536", "1.99 gas 7"]
    assert script((0, "_FakeDontInverseAxis", 1), (1_000, "Steer", 65_536)) == ["0.99 steer 65536"]


def test_marks_the_horn_and_inactive_second_keys_are_left_out() -> None:
    events = [(0, "_FakeIsRaceRunning", 1), (50, "Horn", 1), (60, "AccelerateReal", 1), (70, "BrakeReal", 1 << 16)]
    assert script(*events) == ["0.06-5.00 press down"]


# Thumbnails.


def test_without_pillow_an_orientation_turns_the_picture() -> None:
    picture = with_orientation(b"\xff\xd8\xff\xe0rest")
    assert picture.startswith(b"\xff\xd8\xff\xe1")
    assert picture.endswith(b"\xff\xe0rest")
    assert b"\x12\x01\x03\x00\x01\x00\x00\x00\x04\x00" in picture


@pytest.mark.parametrize("data", [b"", b"PNG", b"\xff\xd8", b"\xff\xd8\xff\xe0" + bytes(40)])
def test_a_thumbnail_that_is_not_a_picture_is_an_error(data: bytes) -> None:
    needs.module("PIL.Image")
    with pytest.raises(GbxError, match="thumbnail"):
        upright(data)


def test_a_huge_picture_is_not_unpacked() -> None:
    image = needs.module("PIL.Image")
    out = io.BytesIO()
    image.new("L", (2_049, 2_048)).save(out, "JPEG")
    with pytest.raises(GbxError, match="2,049 x 2,048 pixels") as refused:
        upright(out.getvalue())
    assert refused.value.code == "gbx.too_large"


# Reading on first use.


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Container]:
    """Collect every container whose body is unpacked."""
    seen: list[Container] = []
    real = Container.unpack_body

    def unpack_body(container: Container) -> bytes:
        seen.append(container)
        return real(container)

    monkeypatch.setattr(Container, "unpack_body", unpack_body)
    return seen


def test_the_header_is_read_without_unpacking(unpacked: list[Container]) -> None:
    replay = read_replay(a_replay())
    facts = (replay.game, replay.header.map_uid, replay.race_time_ms, replay.login, replay.nickname, replay.validable)
    assert facts == ("TMF", "abcdefghijklmnopqrstuvwxyz0", 6110, "racer", "$o$f00Ra$zcer", True)
    challenge = read_challenge(a_challenge())
    assert (challenge.uid, challenge.author_ms, challenge.game) == ("abcdefghijklmnopqrstuvwxyz0", 6000, "TMF")
    assert unpacked == []


def test_the_map_is_read_without_its_body_and_without_ghosts(
    unpacked: list[Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_ghosts(body: bytes) -> Any:
        raise AssertionError("the ghosts were read")

    monkeypatch.setattr("tmxdb.gbx.replay.read_body", no_ghosts)
    replay = read_replay(a_replay())
    replay.check_whole()
    assert replay.map_bytes == a_challenge()
    assert replay.map_uid == "abcdefghijklmnopqrstuvwxyz0"
    assert unpacked == [replay.container]


def test_a_damaged_part_is_read_once_and_raises_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_replay(login="x" * 300)
    replay = read_replay(data)
    reads = []
    real = Stream.read_chunks

    def read_chunks(stream: Stream, *arguments: Any) -> list[int]:
        reads.append(stream)
        return real(stream, *arguments)

    monkeypatch.setattr(Stream, "read_chunks", read_chunks)
    for _ in range(3):
        with pytest.raises(GbxError, match="a string of 300 bytes"):
            _ = replay.ghosts
    assert len(reads) == 2  # the body and the ghost in it


def test_results_are_immutable() -> None:
    replay = read_replay(a_replay())
    for result, name in ((replay, "container"), (replay.challenge, "container"), (replay.ghosts[0], "uid")):
        with pytest.raises(AttributeError):
            setattr(result, name, None)


# The writer.


def test_facts_that_are_written_are_read_back() -> None:
    data = a_challenge(
        name="$f00Nämé", laps=3, checkpoint_count=4, thumbnail=b"\xff\xd8jpeg", comments="ö", map_type="stunts",
        author_score=99, password_protected=True, intro_ms=9_500, mood="Night", cost=1_234, author_ms=None,
        compress=True,
    )  # fmt: skip
    challenge = read_challenge(data)
    assert (challenge.name, challenge.name_plain, challenge.mood) == ("$f00Nämé", "Nämé", "Night")
    assert (challenge.laps, challenge.is_multilap, challenge.checkpoint_count) == (3, True, 4)
    assert (challenge.thumbnail, challenge.comments, challenge.map_type) == (b"\xff\xd8jpeg", "ö", "stunts")
    assert (challenge.author_score, challenge.author_ms, challenge.bronze_ms) == (99, None, 9000)
    assert (challenge.password_protected, challenge.has_intro, challenge.intro_ms) == (True, True, 9500)
    assert (challenge.cost, challenge.exever, challenge.unread) == (1234, "2.11.26", ())
    assert (challenge.body.uid, challenge.body.name, challenge.body.laps) == (challenge.uid, challenge.name, 3)


@pytest.mark.parametrize("size", [1, 3, 4, 237, 238, 239, 272, 273, 274, 500, 10_000])
def test_a_literal_run_of_any_length_unpacks(size: int) -> None:
    import lzokay

    from tmxdb_sandbox.gbx_writer.writer import literal_lzo

    data = bytes(number % 251 for number in range(size))
    assert lzokay.decompress(literal_lzo(data), size) == data
