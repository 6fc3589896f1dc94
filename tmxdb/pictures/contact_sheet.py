"""Draw a contact sheet of a captured run: frames evenly spaced in time, each with time, speed and inputs below.

Drawn with Pillow (the extra `capture`), which is imported on first use.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmxdb.capture.output.reader import CapturedFrame, read_jpeg, shows_ghost
from tmxdb.errors import InvalidInput
from tmxdb.pictures.picture_text import fitted_text

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

GAP = 8
STRIP_HEIGHT = 34
"""Height in pixels of the strip below each frame."""
TITLE_HEIGHT = 30
TITLE_SIZE = 10
MAX_SIDE = 16_000
_BACKGROUND, _FOREGROUND, _INACTIVE = (250, 250, 247), (25, 25, 25), (205, 205, 198)
_GAS, _BRAKE, _STEER = (42, 157, 74), (200, 55, 45), (48, 80, 122)
_FULL = 65536


def evenly_spaced(frames: Sequence[CapturedFrame], n: int) -> list[CapturedFrame]:
    """Return at most `n` frames, evenly spaced in race time, including the first and the last."""
    if n < 2 or len(frames) <= n:
        return list(frames[: max(n, 1)]) if n < 2 else list(frames)
    first_ms, last_ms = frames[0].time_ms, frames[-1].time_ms
    chosen: list[CapturedFrame] = []
    at = 0
    for number in range(n):
        due_ms = first_ms + (last_ms - first_ms) * number / (n - 1)
        at = min(range(at, len(frames)), key=lambda i: abs(frames[i].time_ms - due_ms))
        if not chosen or frames[at] is not chosen[-1]:
            chosen.append(frames[at])
    return chosen


def draw_sheet(title: str, folder: Path, frames: Sequence[CapturedFrame], *, columns: int, frame_width: int) -> bytes:
    """Return a PNG of `frames`, `columns` in a row, each `frame_width` pixels wide.

    Below pictures of a watched ghost is only their time: speed and inputs are not known.

    Raise InvalidInput without frames, if a frame is unreadable, or if the picture becomes too large.
    """
    pillow, drawing = _pillow()
    if not frames:
        raise InvalidInput(
            f"{title}: no frames to draw. Capture the run first with `tmxdb add-captures`.", code="input.no_frames"
        )
    columns = min(columns, len(frames))
    draw_strip = _draw_time if shows_ghost(folder) else _draw_strip
    rows = -(-len(frames) // columns)
    first = _open(pillow, folder, frames[0])
    height = max(1, round(frame_width * first.height / first.width))
    size = (GAP + columns * (frame_width + GAP), TITLE_HEIGHT + GAP + rows * (height + STRIP_HEIGHT + GAP))
    if max(size) > MAX_SIDE:
        raise InvalidInput(
            f"a picture of {size[0]:,} x {size[1]:,} pixels is too large. Choose fewer or smaller frames.",
            code="input.too_large",
        )
    sheet = pillow.new("RGB", size, _BACKGROUND)
    draw = drawing.Draw(sheet)
    shown, font = fitted_text(draw, title, TITLE_SIZE, size[0] - 2 * GAP)
    draw.text((GAP, 9), shown, fill=_FOREGROUND, font=font)
    for number, frame in enumerate(frames):  # one at a time: 2,000 frames of 640 x 480 would take 1.8 GB
        row, column = divmod(number, columns)
        x, y = GAP + column * (frame_width + GAP), TITLE_HEIGHT + row * (height + STRIP_HEIGHT + GAP)
        picture = _open(pillow, folder, frame).convert("RGB")
        sheet.paste(picture.resize((frame_width, height)), (x, y))
        draw_strip(draw, frame, x, y + height, frame_width)
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=True)
    return png.getvalue()


def _draw_time(draw: ImageDraw, frame: CapturedFrame, x: int, y: int, _: int) -> None:
    draw.text((x, y + 3), f"{frame.time_ms / 1000:.2f} s", fill=_FOREGROUND)


def _draw_strip(draw: ImageDraw, frame: CapturedFrame, x: int, y: int, width: int) -> None:
    """Draw time and speed; below them squares for accelerate and brake, and a bar for steering."""
    _draw_time(draw, frame, x, y, width)
    speed = f"{frame.speed_kmh:.0f} km/h"
    draw.text((x + width - draw.textlength(speed), y + 3), speed, fill=_FOREGROUND)
    inputs = frame.entry["inputs"]
    side, top = 9, y + 20
    draw.rectangle((x, top, x + side, top + side), fill=_GAS if inputs["accelerate"] else _INACTIVE)
    draw.rectangle((x + side + 4, top, x + 2 * side + 4, top + side), fill=_BRAKE if inputs["brake"] else _INACTIVE)
    left, right = x + 2 * side + 10, x + width - 1
    if right <= left:
        return
    middle = (left + right) / 2
    draw.rectangle((left, top + 3, right, top + side - 3), fill=_INACTIVE)
    steer = steering(inputs)
    end = middle + steer * (right - left) / 2
    draw.rectangle((min(middle, end), top, max(middle, end), top + side), fill=_STEER if steer else _FOREGROUND)


def steering(inputs: Any) -> float:
    """Return -1 (left) to 1 (right): from the keys if one is down, otherwise from the analog value."""
    if inputs["left"] != inputs["right"]:
        return 1.0 if inputs["right"] else -1.0
    return max(-1.0, min(1.0, inputs["steer"] / _FULL)) if not inputs["left"] else 0.0


def _open(pillow: Any, folder: Path, frame: CapturedFrame) -> Image:
    try:
        picture: Image = pillow.open(io.BytesIO(read_jpeg(folder, frame)), formats=["JPEG"])
        picture.load()
    except (OSError, ValueError, pillow.DecompressionBombError) as error:
        raise InvalidInput(
            f"{folder / frame.file}: cannot be drawn ({error}). Run `tmxdb verify` to check the capture.",
            code="capture.damaged",
        ) from error
    return picture


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'Drawing needs Pillow. Install it with: pip install "tmxdb[capture]"', code="input.extra"
        ) from error
    return Image, ImageDraw
