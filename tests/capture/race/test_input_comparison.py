"""The same inputs compare equal in both forms; other inputs do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.capture.input_comparison import compare_inputs, parse_script

RANGES = "0.00-5.00 press up\n1.20-1.50 press left\n1.50-1.60 press left\n2.00 press enter\n0.99 steer -65536\n"
PRESSES = "0 press up\n990 steer -65536\n1200 press left\n1600 rel left\n2000 press enter\n2010 rel enter\n5000 rel up"


def test_ranges_equal_presses_with_releases() -> None:
    assert compare_inputs(RANGES, PRESSES, 6_000) == []
    assert compare_inputs(PRESSES, RANGES, 6_000) == []


def test_a_key_held_at_the_end_equals_one_released_there() -> None:
    assert compare_inputs("0.00-9.43 press up", "0.00 press up", 9_430) == []
    assert compare_inputs("0.00-9.43 press up", "0.00-20.00 press up", 9_430) == []


def test_inputs_after_the_given_time_are_ignored() -> None:
    assert compare_inputs("0.00-1.00 press up\n4.00 press left\n4 steer 9", "0.00-1.00 press up", 4_000) == ["axis steer 0 ms, 9: only in the script"]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("sent", "said", "what"),
    [
        ("0.10-1.00 press up", "0.11-1.00 press up", "key up 100 ms"),
        ("0.10-1.00 press up", "", "key up 100 ms"),
        ("", "0.50 press down", "key down 500 ms"),
        ("1.00 press enter", "1.00 press enter\n2.00 press enter", "key enter 2000 ms"),
        ("1.00 steer 100", "1.00 steer 101", "axis steer 1000 ms"),
        ("1.00 gas 100\n2.00 gas 0", "1.00-2.50 gas 100", "axis gas 2000 ms"),
    ],
)
def test_a_different_input_is_reported_with_its_time(sent: str, said: str, what: str) -> None:
    found = compare_inputs(sent, said, 5_000)
    assert any(line.startswith(what) for line in found), found


def test_a_constant_shift_of_the_games_times_can_be_subtracted() -> None:
    assert compare_inputs("0.10-1.00 press up\n2 steer 5", "0.12-1.02 press up\n2.02 steer 5", 5_000, shift_ms=20) != []
    assert (
        compare_inputs("0.10-1.00 press up\n2.00 steer 5", "0.12-1.02 press up\n2.02 steer 5", 5_000, shift_ms=20) == []
    )


def test_only_the_first_few_differences_are_returned() -> None:
    said = "".join(f"{at}.00 press enter\n" for at in range(50))
    assert len(compare_inputs("", said, 60_000)) == 5


def test_lines_that_are_not_inputs_are_ignored() -> None:
    text = "# a comment\n0.00 press up # held\nset speed 1\n0 load x\n1:00.50 press left\nxx press up\n0 steer much\n"
    assert parse_script(text, 10_000).keys == {"up": ((0, 10_000),), "left": ((6_050, 10_000),)}


@given(
    st.dictionaries(
        st.sampled_from(["up", "down", "left", "right"]), st.lists(st.integers(0, 400), max_size=12, unique=True)
    )
)
def test_any_presses_compare_equal_in_both_forms(flips: dict[str, list[int]]) -> None:
    ranges, singles = [], []
    for key, ticks in flips.items():
        ticks = sorted(ticks)[: len(ticks) // 2 * 2]
        for begin, end in zip(ticks[::2], ticks[1::2], strict=True):
            ranges.append(f"{begin // 100}.{begin % 100:02d}-{end / 100:.2f} press {key}")
            singles += [f"{begin * 10} press {key}", f"{end * 10} rel {key}"]
    assert compare_inputs("\n".join(ranges), "\n".join(singles), 5_000) == []
