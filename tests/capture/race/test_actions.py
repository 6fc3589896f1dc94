"""Inputs become the action of linesight's and rulka's table."""

from __future__ import annotations

from typing import Any

import pytest

from tmxdb.capture.output.actions import ACTIONS, action_index

NOTHING = {"accelerate": False, "brake": False, "left": False, "right": False, "steer": 0, "gas": 0}
KEYS = {"up": "accelerate", "down": "brake", "left": "left", "right": "right"}


def test_the_table_is_that_of_the_original() -> None:
    assert [" ".join(keys) for keys in ACTIONS] == [
        "up", "up left", "up right", "", "left", "right", "down", "down left", "down right", "up down", "up down left",
        "up down right",
    ]  # fmt: skip


@pytest.mark.parametrize("index", range(12))
def test_every_combination_of_keys_has_its_index(index: int) -> None:
    assert action_index(**NOTHING | {KEYS[key]: True for key in ACTIONS[index]}) == index


@pytest.mark.parametrize(
    ("inputs", "index"),
    [
        ({"left": True, "right": True}, 3),
        ({"steer": -65536}, 4),
        ({"steer": 1000}, 5),
        ({"steer": 999}, 3),
        ({"steer": -999}, 3),
        ({"right": True, "steer": -65536}, 5),
        ({"gas": -19661}, 0),
        ({"gas": 19661}, 6),
        ({"gas": -19660}, 3),
    ],
)
def test_analog_inputs_count_as_keys_beyond_their_thresholds(inputs: dict[str, Any], index: int) -> None:
    assert action_index(**NOTHING | inputs) == index
