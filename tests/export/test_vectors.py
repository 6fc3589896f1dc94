"""The actions of frames as vectors agree with the index of the action."""

from __future__ import annotations

import itertools

from tmxdb.capture.output.actions import GAS_THRESHOLD, STEER_DEADZONE, action_index
from tmxdb.export.frames.vectors import action_vector

GAS = (-65536, -GAS_THRESHOLD, -GAS_THRESHOLD + 1, 0, GAS_THRESHOLD - 1, GAS_THRESHOLD, 65536)
STEER = (-65536, -STEER_DEADZONE, 0, STEER_DEADZONE, 32768, 65536)


def test_keys_and_analog_devices_give_the_action_of_the_index() -> None:
    keys = itertools.product((False, True), repeat=4)
    for (up, down, left, right), gas, steer in itertools.product(keys, GAS, STEER):
        inputs = {"accelerate": up, "brake": down, "left": left, "right": right, "steer": steer, "gas": gas}
        accelerate, brake, turn = action_vector({"inputs": inputs})
        pedals, steering = divmod(action_index(**inputs), 3)
        assert (accelerate, brake) == ((1, 0), (0, 0), (0, 1), (1, 1))[pedals], inputs
        assert (turn > 0) - (turn < 0) == (0, -1, 1)[steering], inputs
        if not (left or right):
            assert turn == steer / 65536
