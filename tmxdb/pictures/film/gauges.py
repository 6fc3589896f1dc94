"""One row below a picture: name, time, speed, pedals, steering and the difference at the last checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmxdb.pictures.film.runs import CrossedCheckpoint, RunState
from tmxdb.pictures.picture_text import fitted_text, plain_font

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

ROW_HEIGHT = 46
BACKGROUND, FOREGROUND, INACTIVE = (24, 26, 30), (236, 238, 240), (74, 78, 86)
_GAS, _BRAKE, _STEER = (64, 190, 104), (226, 80, 68), (110, 160, 230)
_BETTER, _WORSE, _FAINT = (96, 200, 255), (255, 140, 90), (150, 154, 162)
COLOURS = ((255, 196, 64), (96, 200, 255), (240, 110, 170), (130, 220, 120), (200, 150, 255), (255, 140, 90),
           (120, 230, 220), (220, 220, 120))  # fmt: skip
"""Of runs, in their order."""


def draw_row(
    draw: ImageDraw,
    box: tuple[int, int, int],
    name: str,
    state: RunState,
    crossing: CrossedCheckpoint | None,
    colour: Any,
) -> None:
    """Draw a row into (left, top, width). `crossing`: the last checkpoint."""
    left, top, width = box
    draw.rectangle((left, top, left + width - 1, top + ROW_HEIGHT - 1), fill=BACKGROUND)
    draw.rectangle((left, top, left + 4, top + ROW_HEIGHT - 1), fill=colour)
    x, right = left + 12, left + width - 10
    time_text = clock(state.time_ms)
    draw.text((right, top + 4), time_text, fill=FOREGROUND, font=plain_font(16), anchor="ra")
    at = right - draw.textlength(time_text, font=plain_font(16)) - 14
    if crossing is not None:
        delta_ms = crossing.delta_ms
        if delta_ms is not None:
            text = f"{delta_ms / 1000:+.2f}"
            draw.text((at, top + 4), text, fill=_BETTER if delta_ms <= 0 else _WORSE, font=plain_font(16), anchor="ra")
            at -= draw.textlength(text, font=plain_font(16)) + 8
        text = f"{crossing.name} {clock(crossing.time_ms)}"
        draw.text((at, top + 6), text, fill=_FAINT, font=plain_font(13), anchor="ra")
        at -= draw.textlength(text, font=plain_font(13)) + 8
    room = at - x
    shown, name_font = fitted_text(draw, name, 14, room)
    draw.text((x, top + 4), shown, fill=FOREGROUND, font=name_font)
    bottom = top + 26
    speed = f"{state.speed_kmh:.0f} km/h"
    draw.text((x, bottom), speed, fill=FOREGROUND, font=plain_font(13))
    x += 76
    for pressed, colour_on in ((state.accelerate, _GAS), (state.brake, _BRAKE)):
        draw.rectangle((x, bottom + 1, x + 13, bottom + 14), fill=colour_on if pressed else INACTIVE)
        x += 18
    if right - x > 30:
        middle = (x + right) / 2
        end = middle + state.steer * (right - x) / 2
        draw.rectangle((x, bottom + 5, right, bottom + 10), fill=INACTIVE)
        draw.rectangle((min(middle, end), bottom + 1, max(middle, end) + 1, bottom + 14), fill=_STEER)


def clock(time_ms: int) -> str:
    """Return race time as the game shows it: 1:02.34."""
    return f"{time_ms // 60_000}:{time_ms // 1000 % 60:02d}.{time_ms % 1000 // 10:02d}"
