"""A picture of a film from above: the blocks of the map, and the line of each run as far as it was driven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tmxdb.errors import GbxError, InvalidInput
from tmxdb.gbx import Challenge
from tmxdb.gbx.block_kinds import block_kind
from tmxdb.gbx.cells import CELL_SIZE_M
from tmxdb.gbx.footprints import footprint
from tmxdb.pictures.driven_line import DrivenLine
from tmxdb.pictures.film.gauges import BACKGROUND, COLOURS, ROW_HEIGHT, draw_row
from tmxdb.pictures.film.runs import FilmRun, last_crossing

_MARGIN = 0.08
_BLOCK, _BLOCK_EDGE, _MAP = (52, 56, 64), (66, 71, 80), (34, 37, 42)
_MARKED = {"start": (70, 120, 80), "finish": (140, 66, 60), "checkpoint": (70, 96, 140), "multilap": (120, 100, 60)}
_MAX_BLOCKS = 50_000
_SMOOTH = 2
"""Lines are drawn at twice the size, because Pillow draws them with steps."""


class AboveView:
    """Draws runs on one map. Pictures are drawn in the order of time: what was driven stays."""

    def __init__(self, runs: Sequence[FilmRun], width: int) -> None:
        from PIL import Image

        lines = [run.line for run in runs if run.line is not None and run.line.times_ms]
        if len(lines) < len(runs):
            missing = next(run.name for run in runs if run.line is None or not run.line.times_ms)
            raise InvalidInput(f"{missing}: the replay contains no positions to draw.", code="input.no_samples")
        self._runs, self._map_height = runs, width * 9 // 16
        self.size = (width // 2 * 2, (self._map_height + len(runs) * ROW_HEIGHT) // 2 * 2)
        x = [value for line in lines for value in line.x]
        z = [value for line in lines for value in line.z]
        spans = max(max(x) - min(x), 16.0), max(max(z) - min(z), 16.0)
        self._scale = min(width / spans[0], self._map_height / spans[1]) * (1 - 2 * _MARGIN)
        self._middle = (min(x) + max(x)) / 2, (min(z) + max(z)) / 2
        self._canvas = Image.new("RGB", (width * _SMOOTH, self._map_height * _SMOOTH), _MAP)
        challenge = next((run.challenge for run in runs if run.challenge is not None), None)
        self._draw_blocks(challenge)
        for number, run in enumerate(runs):
            self._draw_line(run, COLOURS[number % len(COLOURS)], 0, None, faint=True)
        self._drawn_ms = 0

    def draw(self, time_ms: int) -> Any:
        """Return the picture of a race time, as an image of Pillow. Not before that of the call before."""
        from PIL import Image, ImageDraw

        for number, run in enumerate(self._runs):
            self._draw_line(run, COLOURS[number % len(COLOURS)], self._drawn_ms, time_ms)
        self._drawn_ms = time_ms
        picture = Image.new("RGB", self.size, BACKGROUND)
        picture.paste(self._canvas.reduce(_SMOOTH), (0, 0))
        draw = ImageDraw.Draw(picture)
        for number, run in reversed(list(enumerate(self._runs))):
            state, colour = run.state(time_ms), COLOURS[number % len(COLOURS)]
            assert state.position is not None
            x, y = (value / _SMOOTH for value in self._pixel(*state.position))
            draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=colour, outline=(255, 255, 255), width=2)
            other = self._runs[1 if number == 0 else 0] if len(self._runs) > 1 else None
            crossing = last_crossing(run, other, state.crossed)
            box = (0, self._map_height + number * ROW_HEIGHT, self.size[0])
            draw_row(draw, box, run.name, state, crossing, colour)
        return picture

    def _pixel(self, x: float, z: float) -> tuple[float, float]:
        """Return a point of the canvas. With x to the right, z points down: docs/facts/maps.md#coordinates."""
        scale = self._scale * _SMOOTH
        return (
            self._canvas.width / 2 + (x - self._middle[0]) * scale,
            self._canvas.height / 2 + (z - self._middle[1]) * scale,
        )

    def _draw_line(self, run: FilmRun, colour: Any, from_ms: int, to_ms: int | None, *, faint: bool = False) -> None:
        from PIL import ImageDraw

        assert run.line is not None
        if faint:
            colour = tuple((3 * dark + bright) // 4 for dark, bright in zip(_MAP, colour, strict=True))
        draw = ImageDraw.Draw(self._canvas)
        for part in run.strokes:
            points = list(_between(run, run.line, part, from_ms, to_ms))
            if len(points) > 1:
                draw.line(
                    [self._pixel(*point) for point in points], fill=colour, width=4 if faint else 6, joint="curve"
                )

    def _draw_blocks(self, challenge: Challenge | None) -> None:
        from PIL import ImageDraw

        if challenge is None or challenge.environment not in CELL_SIZE_M:
            return
        try:
            blocks = challenge.blocks[:_MAX_BLOCKS]
        except GbxError:  # the lines can be drawn without the map
            return
        draw, environment = ImageDraw.Draw(self._canvas), challenge.environment
        cell_x, _, cell_z = CELL_SIZE_M[environment]
        for block in blocks:
            kind = block_kind(block.name.removeprefix(environment))
            if block.is_clip or kind == "ground":
                continue
            across, along = footprint(environment, block.name)
            if block.direction % 2:
                across, along = along, across
            corner = self._pixel(block.x * cell_x, block.z * cell_z)
            opposite = self._pixel((block.x + across) * cell_x, (block.z + along) * cell_z)
            draw.rectangle((*corner, *opposite), fill=_MARKED.get(kind, _BLOCK), outline=_BLOCK_EDGE, width=2)


def _between(
    run: FilmRun, line: DrivenLine, part: range, from_ms: int, to_ms: int | None
) -> Iterator[tuple[float, float]]:
    """Yield the points of a part of the line from one time to another, with the car at both ends."""
    first_ms, last_ms = line.times_ms[part.start], line.times_ms[part.stop - 1]
    end_ms = last_ms if to_ms is None else min(to_ms, last_ms)
    begin_ms = max(from_ms, first_ms)
    if begin_ms > end_ms:
        return
    for time_ms in (begin_ms, *(line.times_ms[at] for at in part if begin_ms < line.times_ms[at] < end_ms), end_ms):
        position = run.state(time_ms).position
        if position is not None:
            yield position
