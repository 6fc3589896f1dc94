"""One picture of a captured run: frames evenly spaced in time, each with its time, speed and inputs drawn below.

Pillow draws (the extra `capture`); it is imported when a picture is wanted.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmxdb.capture.reading import CapturedFrame, read_frame
from tmxdb.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

GAP = 8
STRIP = 34
"""Pixels below each frame for what is said of it."""
HEAD = 30
LARGEST_SIDE = 16_000
_PAPER, _INK, _FAINT = (250, 250, 247), (25, 25, 25), (205, 205, 198)
_GAS, _BRAKE, _STEER = (42, 157, 74), (200, 55, 45), (48, 80, 122)
_FULL = 65536


def evenly(frames: Sequence[CapturedFrame], n: int) -> list[CapturedFrame]:
    """At most `n` frames, the first and the last among them, as evenly spaced in race time as there are frames."""
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
    """A PNG of `frames`, `columns` in a row, each `frame_width` pixels wide. Raises BadInput if one can not be read."""
    pillow, drawing = _pillow()
    if not frames:
        raise BadInput(f"{title}: no frames to draw.", code="input.no_frames")
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    pictures = [_opened(pillow, folder, frame) for frame in frames]
    height = max(1, round(frame_width * pictures[0].height / pictures[0].width))
    size = (GAP + columns * (frame_width + GAP), HEAD + GAP + rows * (height + STRIP + GAP))
    if max(size) > LARGEST_SIDE:
        raise BadInput(
            f"a picture of {size[0]} x {size[1]} pixels is too large: ask for fewer or smaller frames.",
            code="input.too_large",
        )
    sheet = pillow.new("RGB", size, _PAPER)
    draw = drawing.Draw(sheet)
    draw.text((GAP, 9), _fitting(draw, title, size[0] - 2 * GAP), fill=_INK)
    for number, (frame, picture) in enumerate(zip(frames, pictures, strict=True)):
        row, column = divmod(number, columns)
        x, y = GAP + column * (frame_width + GAP), HEAD + row * (height + STRIP + GAP)
        sheet.paste(picture.convert("RGB").resize((frame_width, height)), (x, y))
        _say(draw, frame, x, y + height, frame_width)
    png = io.BytesIO()
    sheet.save(png, "PNG", optimize=True)
    return png.getvalue()


def _say(draw: ImageDraw, frame: CapturedFrame, x: int, y: int, width: int) -> None:
    """Time to the left, speed to the right; below a bar of the steering, and lamps for gas and brake."""
    draw.text((x, y + 3), f"{frame.time_ms / 1000:.2f} s", fill=_INK)
    speed = f"{frame.speed_kmh:.0f} km/h"
    draw.text((x + width - draw.textlength(speed), y + 3), speed, fill=_INK)
    inputs = frame.entry["inputs"]
    lamp, top = 9, y + 20
    draw.rectangle((x, top, x + lamp, top + lamp), fill=_GAS if inputs["accelerate"] else _FAINT)
    draw.rectangle((x + lamp + 4, top, x + 2 * lamp + 4, top + lamp), fill=_BRAKE if inputs["brake"] else _FAINT)
    left, right = x + 2 * lamp + 10, x + width - 1
    if right <= left:
        return
    middle = (left + right) / 2
    draw.rectangle((left, top + 3, right, top + lamp - 3), fill=_FAINT)
    turn = steering(inputs)
    end = middle + turn * (right - left) / 2
    draw.rectangle((min(middle, end), top, max(middle, end), top + lamp), fill=_STEER if turn else _INK)


def steering(inputs: Any) -> float:
    """-1 (left) to 1 (right): the keys where one is down, else the analog value."""
    if inputs["left"] != inputs["right"]:
        return 1.0 if inputs["right"] else -1.0
    return max(-1.0, min(1.0, inputs["steer"] / _FULL)) if not inputs["left"] else 0.0


def _opened(pillow: Any, folder: Path, frame: CapturedFrame) -> Image:
    try:
        picture: Image = pillow.open(io.BytesIO(read_frame(folder, frame)), formats=["JPEG"])
        picture.load()
    except (OSError, ValueError, pillow.DecompressionBombError) as error:
        raise BadInput(f"{folder / frame.file}: can not be drawn ({error}).", code="capture.damaged") from error
    return picture


def _fitting(draw: ImageDraw, text: str, width: float) -> str:
    while text and draw.textlength(text) > width:
        text = text[:-2] + "…" if len(text) > 2 else ""
    return text


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw
    except ModuleNotFoundError as error:
        raise BadInput(
            "drawing needs Pillow. Install it with: pip install 'tmxdb[capture]'", code="input.extra"
        ) from error
    return Image, ImageDraw
