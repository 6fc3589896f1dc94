"""The columns of inputs are what reading entry by entry gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tmxdb.gbx.replay_parts.inputs import CLOCK_ORIGIN_MS, ENTRY, Inputs

CONTROLS = ("Steer", "Accelerate", "Gas", "Respawn", "Respawn")
ENTRIES = some.tuples(
    some.integers(-(2**31), 2**31 - 1),
    some.sampled_from(range(len(CONTROLS))),
    some.one_of(some.sampled_from([0, 1, 128, 0x7FFFFF, 0x800000, 0xFF0000, 0xFFFF0000]), some.integers(0, 2**32 - 1)),
)


def inputs_of(entries: list[tuple[int, int, int]]) -> Inputs:
    return Inputs(1000, CONTROLS, b"".join(ENTRY.pack(*entry) for entry in entries))


@given(some.lists(ENTRIES))
def test_analog_values_have_24_bits_and_a_sign_and_others_are_unsigned(entries: list[tuple[int, int, int]]) -> None:
    values = [
        (value + 0x800000) % 0x1000000 - 0x800000 if CONTROLS[index] in ("Steer", "Gas") else value
        for _, index, value in entries
    ]
    inputs = inputs_of(entries)
    assert list(inputs.columns.times_ms) == [time - CLOCK_ORIGIN_MS for time, _, _ in entries]
    assert list(inputs.columns.numbers) == [index for _, index, _ in entries]
    assert list(inputs.columns.values) == values
    assert [event.value for event in inputs.events] == values


@given(some.lists(ENTRIES))
def test_presses_are_events_whose_value_is_not_0(entries: list[tuple[int, int, int]]) -> None:
    inputs = inputs_of(entries)
    pressed = [event.time_ms for event in inputs.events if event.control == "Respawn" and event.value]
    assert sorted(inputs.presses_ms("Respawn")) == sorted(pressed)
    assert inputs.respawns == len(pressed)
