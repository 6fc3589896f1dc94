"""Equal settings have equal text, and invalid ones are rejected with one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tmxdb.capture.settings import CaptureSettings, parse_settings
from tmxdb.errors import InvalidInput, UsageError


def test_equal_settings_have_equal_text() -> None:
    assert CaptureSettings(running_speed=1).to_json() == CaptureSettings(running_speed=1.0, fps=10).to_json()
    assert CaptureSettings(width=65).to_json() != CaptureSettings().to_json()


def test_settings_that_were_added_later_do_not_change_the_text_of_older_requests() -> None:
    """Otherwise the same request would be a second row after an upgrade."""
    assert CaptureSettings().to_json() == (
        '{"camera":1,"color":"rgb","drive":"script","fps":10,"frame_source":"plugin","height":64,'
        '"input_time_offset_ms":0,"per_frame_json":false,"quality":90,"running_speed":1.0,"step_ms":10,"width":64}'
    )
    settings = CaptureSettings(respawn_action="delete", respawn_after_cp_ms=120)
    assert '"respawn_action":"delete","respawn_after_cp_ms":120' in settings.to_json()
    assert parse_settings(settings.to_json()) == settings


def test_settings_survive_a_round_trip_through_text() -> None:
    settings = CaptureSettings(fps=50, width=256, height=128, color="gray", input_time_offset_ms=-10, drive="ghost")
    assert parse_settings(settings.to_json()) == settings


def test_missing_settings_get_their_defaults() -> None:
    assert parse_settings('{"fps":20}') == CaptureSettings(fps=20)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"frames":1}', '{"fps":"10"}', '{"fps":0}'])
def test_text_that_is_not_settings_is_rejected(text: str) -> None:
    with pytest.raises(InvalidInput, match="not capture settings"):
        parse_settings(text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fps": 0}, "--fps 0: must be between 1 and 100."),
        ({"fps": True}, "--fps True: is not a whole number."),
        ({"fps": 30, "step_ms": 50}, "--fps 30: is more than one frame in each step of 50 ms (--step-ms)."),
        ({"step_ms": 15}, "--step-ms 15: is not a multiple of a tick of the game (10 ms)."),
        ({"input_time_offset_ms": -5}, "--input-time-offset-ms -5: is not a multiple of a tick of the game (10 ms)."),
        ({"respawn_after_cp_ms": 5}, "--respawn-after-cp-ms 5: is not a multiple of a tick of the game (10 ms)."),
        ({"respawn_action": "up"}, "--respawn-action up: must be enter or delete."),
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
def test_an_invalid_value_is_rejected_with_the_name_of_its_option(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        CaptureSettings(**changes)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("fps", "step_ms", "steps", "is_even"),
    [(10, 10, 10, True), (100, 10, 1, True), (30, 10, 3, False), (4, 50, 5, True)],
)
def test_a_rate_is_converted_to_steps_of_the_game(fps: int, step_ms: int, steps: int, is_even: bool) -> None:
    settings = CaptureSettings(fps=fps, step_ms=step_ms)
    assert (settings.run_steps_per_action, settings.is_even) == (steps, is_even)


def test_uneven_frames_and_high_speed_have_a_note() -> None:
    assert CaptureSettings(fps=10).note is None
    assert "33.33 ms apart" in str(CaptureSettings(fps=30).note)
    assert "missed" in str(CaptureSettings(running_speed=4).note)
