"""Settings: the same wishes are the same text, and what can not be is refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tmxdb.capture.settings import CaptureSettings, settings_of
from tmxdb.errors import BadInput, WrongUsage


def test_equal_settings_are_equal_text_whatever_was_typed() -> None:
    assert CaptureSettings(running_speed=1).to_json() == CaptureSettings(running_speed=1.0, fps=10).to_json()
    assert CaptureSettings(width=65).to_json() != CaptureSettings().to_json()


def test_settings_come_back_from_their_text() -> None:
    settings = CaptureSettings(fps=50, width=256, height=128, color="gray", input_time_offset_ms=-10, drive="ghost")
    assert settings_of(settings.to_json()) == settings


def test_a_row_with_fewer_settings_gets_the_usual_ones() -> None:
    assert settings_of('{"fps":20}') == CaptureSettings(fps=20)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"frames":1}', '{"fps":"10"}', '{"fps":0}'])
def test_a_text_that_holds_no_settings_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no capture settings"):
        settings_of(text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fps": 0}, "--fps 0: must be between 1 and 100."),
        ({"fps": True}, "--fps True: is not a whole number."),
        ({"fps": 30, "step_ms": 50}, "--fps 30: is more than one frame in each step of 50 ms (--step-ms)."),
        ({"step_ms": 15}, "--step-ms 15: is not a multiple of a tick of the game (10 ms)."),
        ({"input_time_offset_ms": -5}, "--input-time-offset-ms -5: is not a multiple of a tick of the game (10 ms)."),
        ({"width": 4}, "--width 4: must be between 8 and 4096."),
        ({"color": "blue"}, "--color blue: must be rgb or gray."),
        (
            {"running_speed": 0},
            "--running-speed 0: must be between 0.1 and 100; 1 is exact, above it frames come late.",
        ),
        ({"running_speed": float("nan")}, "--running-speed nan: must be between"),
        ({"running_speed": "4"}, "--running-speed 4: is not a number."),
        ({"drive": "me"}, "--drive me: must be script or ghost."),
        ({"per_frame_json": 1}, "--per-frame-json 1: must be true or false."),
    ],
)
def test_what_can_not_be_is_refused_by_its_option(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongUsage) as error:
        CaptureSettings(**changes)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("fps", "step_ms", "steps", "is_even"),
    [(10, 10, 10, True), (100, 10, 1, True), (30, 10, 3, False), (4, 50, 5, True)],
)
def test_a_rate_is_so_many_steps_of_the_game(fps: int, step_ms: int, steps: int, is_even: bool) -> None:
    settings = CaptureSettings(fps=fps, step_ms=step_ms)
    assert (settings.run_steps_per_action, settings.is_even) == (steps, is_even)


def test_a_user_is_told_of_uneven_frames_and_of_speed() -> None:
    assert CaptureSettings(fps=10).note is None
    assert "33.33 ms apart" in str(CaptureSettings(fps=30).note)
    assert "missed" in str(CaptureSettings(running_speed=4).note)
