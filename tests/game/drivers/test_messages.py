"""The bytes of the plugin's protocol, written by hand from docs/reference/game-protocol.md."""

from __future__ import annotations

import struct

import pytest

from tmxdb.errors import InvalidInput
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, LapEvent, StepEvent
from tmxdb.game.tminterface2 import messages
from tmxdb.game.tminterface2.messages import ClientMessage, SyncMessage


@pytest.mark.parametrize(
    ("number", "payload", "event"),
    [
        (1, b"\xd8\xf5\xff\xff", StepEvent(-2600)),
        (2, b"\x03\0\0\0\x0a\0\0\0", CheckpointEvent(3, 10)),
        (3, b"\x01\0\0\0\x02\0\0\0", LapEvent(1, 2)),
        (5, b"", ConnectedEvent()),
    ],
)
def test_messages_of_the_game_become_events_and_are_answered_with_their_number(
    number: int, payload: bytes, event: object
) -> None:
    assert messages.event(number, payload) == event
    assert messages.EVENT_BYTES[SyncMessage(number)] == len(payload)
    assert messages.answer(number) == bytes([number, 0, 0, 0])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (messages.set_speed(0.5), b"\6\0\0\0\0\0\0\x3f"),
        (messages.rewind_to_state(b"abc"), b"\7\0\0\0\3\0\0\0abc"),
        (messages.bare(ClientMessage.REWIND_TO_CURRENT_STATE), b"\x08\0\0\0"),
        (messages.bare(ClientMessage.GET_STATE), b"\x09\0\0\0"),
        (messages.set_inputs(left=True, right=False, accelerate=True, brake=False), b"\x0a\0\0\0\1\0\1\0"),
        (messages.bare(ClientMessage.GIVE_UP), b"\x0b\0\0\0"),
        (messages.bare(ClientMessage.PREVENT_FINISH), b"\x0c\0\0\0"),
        (messages.bare(ClientMessage.SHUTDOWN), b"\x0d\0\0\0"),
        (messages.execute("unload"), b"\x0e\0\0\0\6\0\0\0unload"),
        (messages.set_response_timeout(4_000_000_000), b"\x0f\0\0\0\0\x28\x6b\xee"),
        (messages.bare(ClientMessage.RACE_FINISHED), b"\x10\0\0\0"),
        (messages.request_frame(640, 480), b"\x11\0\0\0\x80\x02\0\0\xe0\x01\0\0"),
        (messages.bare(ClientMessage.RESET_CAMERA), b"\x12\0\0\0"),
        (messages.set_step_period(10), b"\x13\0\0\0\x0a\0\0\0"),
        (messages.bare(ClientMessage.UNREQUEST_FRAME), b"\x14\0\0\0"),
        (messages.show_hud(False), b"\x15\0\0\0\0\0\0\0"),
        (messages.bare(ClientMessage.IN_MENUS), b"\x16\0\0\0"),
        (messages.bare(ClientMessage.GET_INPUTS), b"\x17\0\0\0"),
    ],
)
def test_messages_to_the_game_have_these_bytes(message: bytes, expected: bytes) -> None:
    assert message == expected


@pytest.mark.parametrize("command", ["map Käse", "map \u202egpj", "say \x1b[2J", "a\nb"])
def test_a_command_that_is_not_one_line_of_ascii_is_refused(command: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        messages.execute(command)
    assert repr(command) in str(refused.value)
    assert refused.value.code == "input.command"


@pytest.mark.parametrize(("width", "height"), [(0, 64), (64, 0), (-1, -1), (64, 100_000)])
def test_impossible_frame_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="cannot request"):
        messages.request_frame(width, height)


def test_a_step_period_that_stops_all_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="stop all steps"):
        messages.set_step_period(0)


def test_a_frame_has_four_bytes_a_pixel_and_no_size() -> None:
    assert messages.frame_bytes(640, 480) == 1_228_800
    assert messages.frame(2, 1, b"BGRxBGRx").pixels == struct.pack("8s", b"BGRxBGRx")
