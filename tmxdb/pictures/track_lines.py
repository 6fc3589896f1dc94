"""Draw many runs of a track from above: their lines, or a heat map of their speed."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.formats import race_time
from tmxdb.pictures.driven_line import DrivenLine, strokes
from tmxdb.pictures.figure import DPI, new_figure
from tmxdb.pictures.plot import SPEED_COLOURS, draw_crossings, map_from_above, speed_bar
from tmxdb.pictures.plot_text import drawable
from tmxdb.pictures.theme import LIGHT, Theme, colour_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 12
"""Runs in the key; the key of more would cover the lines."""
CELLS = 200
"""Cells of the heat map along its longer side."""
STEPS = 12
"""Points between two samples, 0.1 s apart, so that a fast car leaves no cell out."""


@dataclass(frozen=True, slots=True)
class TrackRun:
    """A run of a track: the time of its finish, and the times at its checkpoints, the finish last."""

    line: DrivenLine
    time_ms: int | None
    crossings_ms: Sequence[int | None] = ()
    respawns_ms: Sequence[int] = ()


def draw_track(title: str, runs: Sequence[TrackRun], *, heat: bool, theme: Theme = LIGHT) -> bytes:
    """Return a PNG of the lines of `runs`, the best first, or with `heat` of their mean speed at each place.

    Raise InvalidInput without a line, or if matplotlib is not installed.
    """
    drawn = [run for run in runs if len(run.line.x) > 1]
    if not drawn:
        raise InvalidInput(f"{title} has no run with samples: there is no line to draw.", code="input.no_samples")
    figure = new_figure(9, 7.5)
    figure.set_facecolor(theme.back)
    axes = figure.subplots()
    text, families = drawable(title)
    axes.set_title(text, fontsize=11, fontfamily=families)
    if heat:
        _draw_heat(figure, axes, drawn, theme)
    else:
        _draw_lines(axes, drawn, theme)
    colour_axes(axes, theme)
    draw_crossings(figure, axes, drawn[0].line, drawn[0].crossings_ms, theme)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    return picture.getvalue()


def _draw_lines(axes: Axes, runs: Sequence[TrackRun], theme: Theme) -> None:
    """Draw each run in a colour of its own, the best one last."""
    fonts: dict[str, list[str]] = {}
    for number, run in reversed(list(enumerate(runs))):
        time = "" if run.time_ms is None else f" {race_time(run.time_ms)}"
        text, families = drawable(f"{number + 1} {run.line.name}{time}")
        fonts[text] = families
        for at, stroke in enumerate(strokes(run.line, run.respawns_ms)):
            axes.plot(
                run.line.x[stroke.start : stroke.stop],
                run.line.z[stroke.start : stroke.stop],
                color=_colour(number, theme),
                linewidth=1.6 if number == 0 else 1.2,
                alpha=1.0 if number == 0 else 0.8,
                label=text if at == 0 and number < NAMED else None,
                zorder=2.5 if number == 0 else 2,
            )
    map_from_above(axes)
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(handles[::-1], labels[::-1], loc="best", fontsize=8, facecolor=theme.back,
                         edgecolor=theme.line, labelcolor=theme.text)  # fmt: skip
    for entry in legend.get_texts():
        entry.set_fontfamily(fonts[entry.get_text()])


def _colour(number: int, theme: Theme) -> tuple[float, float, float]:
    """Return one of any number of different colours: steps of the golden angle around the circle of hues."""
    is_dark = theme.back < "#8"
    return colorsys.hls_to_rgb((0.38 + number * 0.618034) % 1, 0.62 if is_dark else 0.42, 0.75)


def _draw_heat(figure: Figure, axes: Axes, runs: Sequence[TrackRun], theme: Theme) -> None:
    from matplotlib import colormaps

    mean, extent = mean_speeds(runs)
    image = axes.imshow(mean, cmap=colormaps[SPEED_COLOURS], extent=extent, interpolation="nearest", vmin=0, zorder=2)
    speed_bar(figure, axes, image, theme)
    map_from_above(axes)


def mean_speeds(runs: Sequence[TrackRun]) -> tuple[list[list[float]], tuple[float, float, float, float]]:
    """Return the mean speed of all runs in square cells, km/h, NaN where none was; and left, right, bottom and top.

    Rows go along z, columns along x, both from the smallest.
    """
    left, right = _ends([run.line.x for run in runs])
    low, high = _ends([run.line.z for run in runs])
    size = max(right - left, high - low, 1.0) / CELLS
    columns, rows = int((right - left) / size) + 1, int((high - low) / size) + 1
    sums: dict[tuple[int, int], list[float]] = {}
    for run in runs:
        for x, z, speed_kmh in _points(run):
            cell = sums.setdefault((int((z - low) / size), int((x - left) / size)), [0.0, 0.0])
            cell[0] += speed_kmh
            cell[1] += 1
    mean = [[nan] * columns for _ in range(rows)]
    for (row, column), (total, n) in sums.items():
        mean[row][column] = total / n
    return mean, (left, left + columns * size, low + rows * size, low)


def _ends(values: Sequence[Sequence[float]]) -> tuple[float, float]:
    return min(map(min, values)), max(map(max, values))


def _points(run: TrackRun) -> Iterator[tuple[float, float, float]]:
    """Yield x, z and speed along a run, with points between the samples."""
    line = run.line
    for stroke in strokes(line, run.respawns_ms):
        for before, after in pairwise(stroke):
            for step in range(STEPS):
                share = step / STEPS
                yield (
                    line.x[before] + share * (line.x[after] - line.x[before]),
                    line.z[before] + share * (line.z[after] - line.z[before]),
                    line.speed_kmh[before] + share * (line.speed_kmh[after] - line.speed_kmh[before]),
                )
        yield line.x[stroke[-1]], line.z[stroke[-1]], line.speed_kmh[stroke[-1]]
