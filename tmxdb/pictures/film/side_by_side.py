"""A picture of a film of captured runs: their frames beside each other, each with its state below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tmxdb.capture.output.reader import read_image
from tmxdb.errors import InvalidInput
from tmxdb.pictures.film.gauges import BACKGROUND, COLOURS, ROW_HEIGHT, draw_row
from tmxdb.pictures.film.runs import FilmRun, last_crossing

MAX_SIDE = 2160


class FramesView:
    """Draws captured runs. `width` is that of the whole picture."""

    def __init__(self, runs: Sequence[FilmRun], width: int) -> None:
        self._runs, self._panel = runs, width // len(runs)
        heights = []
        for run in runs:
            picture = self._picture(run, 0)
            heights.append(round(self._panel * picture.height / picture.width))
        self._height = max(heights)
        self.size = (self._panel * len(runs) // 2 * 2, (self._height + ROW_HEIGHT) // 2 * 2)
        if max(self.size) > MAX_SIDE:
            raise InvalidInput(
                f"a film of {self.size[0]:,} x {self.size[1]:,} pixels is too large. Choose a smaller --width.",
                code="input.too_large",
            )

    def draw(self, time_ms: int) -> Any:
        """Return the picture of a race time, as an image of Pillow."""
        from PIL import Image, ImageDraw

        canvas = Image.new("RGB", self.size, BACKGROUND)
        draw = ImageDraw.Draw(canvas)
        for number, run in enumerate(self._runs):
            left = number * self._panel
            picture = self._picture(run, time_ms)
            height = round(self._panel * picture.height / picture.width)
            canvas.paste(picture.resize((self._panel, height), Image.Resampling.BICUBIC), (left, 0))
            state = run.captured_state(time_ms)
            other = self._runs[1 - number] if len(self._runs) == 2 else None
            crossing = last_crossing(run, other, state.crossed)
            box = (left, self.size[1] - ROW_HEIGHT, self._panel)
            draw_row(draw, box, run.name, state, crossing, COLOURS[number % len(COLOURS)])
        return canvas

    @staticmethod
    def _picture(run: FilmRun, time_ms: int) -> Any:
        assert run.folder is not None
        return read_image(run.folder, run.frame_at(time_ms))
