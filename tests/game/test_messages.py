"""The bytes of the plugin's protocol, written out by hand from the table in the fact sheet, section (a)."""

from __future__ import annotations

import struct

import pytest

from tmxdb.errors import BadInput
from tmxdb.game import messages
from tmxdb.game.driver import Checkpoint, Connected, Lap, Step
from tmxdb.game.messages import Order, Sync


@pytest.mark.parametrize(
    ("number", "payload", "event"),
    [
        (1, b"\xd8\xf5\xff\xff", Step(-2600)),
        (2, b"\x03\0\0\0\x0a\0\0\0", Checkpoint(3, 10)),
        (3, b"\x01\0\0\0\x02\0\0\0", Lap(1, 2)),
        (5, b"", Connected()),
    ],
)
def test_what_the_game_says_is_read_and_answered_with_its_number(number: int, payload: bytes, event: object) -> None:
    assert messages.event(number, payload) == event
    assert messages.EVENT_BYTES[Sync(number)] == len(payload)
    assert messages.answer(number) == bytes([number, 0, 0, 0])


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (messages.set_speed(0.5), b"\6\0\0\0\0\0\0\x3f"),
        (messages.rewind_to_state(b"abc"), b"\7\0\0\0\3\0\0\0abc"),
        (messages.bare(Order.REWIND_TO_CURRENT_STATE), b"\x08\0\0\0"),
        (messages.bare(Order.GET_STATE), b"\x09\0\0\0"),
        (messages.set_inputs(left=True, right=False, accelerate=True, brake=False), b"\x0a\0\0\0\1\0\1\0"),
        (messages.bare(Order.GIVE_UP), b"\x0b\0\0\0"),
        (messages.bare(Order.PREVENT_FINISH), b"\x0c\0\0\0"),
        (messages.bare(Order.SHUTDOWN), b"\x0d\0\0\0"),
        (messages.execute("unload"), b"\x0e\0\0\0\6\0\0\0unload"),
        (messages.set_response_timeout(4_000_000_000), b"\x0f\0\0\0\0\x28\x6b\xee"),
        (messages.bare(Order.RACE_FINISHED), b"\x10\0\0\0"),
        (messages.request_frame(640, 480), b"\x11\0\0\0\x80\x02\0\0\xe0\x01\0\0"),
        (messages.bare(Order.RESET_CAMERA), b"\x12\0\0\0"),
        (messages.set_step_period(10), b"\x13\0\0\0\x0a\0\0\0"),
        (messages.bare(Order.UNREQUEST_FRAME), b"\x14\0\0\0"),
        (messages.show_hud(False), b"\x15\0\0\0\0\0\0\0"),
        (messages.bare(Order.IN_MENUS), b"\x16\0\0\0"),
        (messages.bare(Order.GET_INPUTS), b"\x17\0\0\0"),
    ],
)
def test_what_is_said_to_the_game_are_these_bytes(message: bytes, wanted: bytes) -> None:
    assert message == wanted


@pytest.mark.parametrize("command", ["map Käse", "map \u202egpj", "say \x1b[2J", "a\nb"])
def test_a_command_that_is_not_one_line_of_ascii_is_refused_by_name(command: str) -> None:
    with pytest.raises(BadInput) as refused:
        messages.execute(command)
    assert repr(command) in str(refused.value)
    assert refused.value.code == "input.command"


@pytest.mark.parametrize(("width", "height"), [(0, 64), (64, 0), (-1, -1), (64, 100_000)])
def test_no_frame_is_asked_for_that_can_not_come(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="can not be asked for"):
        messages.request_frame(width, height)


def test_a_step_period_that_stops_all_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="stop all steps"):
        messages.set_step_period(0)


def test_a_frame_has_four_bytes_a_pixel_and_no_size() -> None:
    assert messages.frame_bytes(640, 480) == 1_228_800
    assert messages.frame(2, 1, b"BGRxBGRx").pixels == struct.pack("8s", b"BGRxBGRx")
