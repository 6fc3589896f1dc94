"""Draw the line of a run from above, coloured by speed, with its inputs below.

Drawn with matplotlib (the extra `plot`), which is imported on first use because that takes half a second.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.pictures.controls import ControlSteps
from tmxdb.pictures.driven_line import DrivenLine, strokes
from tmxdb.pictures.figure import DPI, new_figure
from tmxdb.pictures.plot_text import drawable
from tmxdb.pictures.theme import LIGHT, Theme, colour_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

SPEED_COLOURS = "turbo"
_ACCELERATE, _BRAKE, _RESPAWN = "#2a9d4a", "#c8372d", "#8a5cc2"
_LABEL_DISTANCE = 22  # pixels at least between two labels of checkpoints
_MAX_CHECKPOINT_LINES = 60  # in the diagram of inputs; more would cover it


def draw_run(
    title: str,
    lines: Sequence[DrivenLine],
    steps: ControlSteps | None,
    end_ms: int,
    crossings_ms: Sequence[int | None] = (),
    theme: Theme = LIGHT,
) -> bytes:
    """Return a PNG of one or more lines and the controls of a run that ends at `end_ms`.

    The first line is drawn wide and coloured, further ones thin over it. `crossings_ms` are the times of the
    checkpoints, the finish last; None for a checkpoint without a time. Lines are interrupted at respawns. Raise
    InvalidInput without a line, or if matplotlib is not installed.
    """
    if not any(len(line.x) > 1 for line in lines):
        raise InvalidInput(
            f"{title} has no samples: there is no line to draw. Choose another replay.", code="input.no_samples"
        )
    figure = new_figure(9, 9)
    figure.set_facecolor(theme.back)
    above, below = figure.subplots(2, 1, height_ratios=[4, 1])
    text, families = drawable(title)
    above.set_title(text, fontsize=11, fontfamily=families)
    respawns_ms = steps.respawns_ms if steps else ()
    _draw_lines(figure, above, [line for line in lines if len(line.x) > 1], respawns_ms, theme)
    _draw_controls(below, steps, max(end_ms, 1), [time_ms for time_ms in crossings_ms if time_ms is not None], theme)
    for axes in (above, below):
        colour_axes(axes, theme)
    draw_crossings(figure, above, next(line for line in lines if len(line.x) > 1), crossings_ms, theme)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    return picture.getvalue()


def _draw_lines(
    figure: Figure, axes: Axes, lines: Sequence[DrivenLine], respawns_ms: Sequence[int], theme: Theme
) -> None:
    from matplotlib.collections import LineCollection

    first, *others = lines
    fastest = max(max(line.speed_kmh, default=0.0) for line in lines)
    driven = [step for stroke in strokes(first, respawns_ms) for step in pairwise(stroke)]
    coloured = LineCollection(
        [[(first.x[at], first.z[at]) for at in step] for step in driven],
        array=[first.speed_kmh[end] for _, end in driven],
        cmap=SPEED_COLOURS,
        linewidth=4,
        capstyle="round",
        label=first.name,
    )
    coloured.set_clim(0, fastest or 1)
    axes.add_collection(coloured)
    speed_bar(figure, axes, coloured, theme)
    for line in others:
        for number, stroke in enumerate(strokes(line, respawns_ms)):
            axes.plot(
                line.x[stroke.start : stroke.stop],
                line.z[stroke.start : stroke.stop],
                color=theme.text,
                linewidth=0.8,
                linestyle=(0, (3, 2)),
                label=None if number else line.name,
                zorder=3,
            )
    map_from_above(axes)
    if others:
        axes.legend(loc="best", fontsize=8, facecolor=theme.back, edgecolor=theme.line, labelcolor=theme.text)


def speed_bar(figure: Figure, axes: Axes, coloured: ScalarMappable, theme: Theme) -> None:
    """Add the scale of the colours of speeds to a diagram."""
    bar = figure.colorbar(coloured, ax=axes, fraction=0.04, pad=0.01)
    bar.set_label("speed, km/h", color=theme.text)
    bar.ax.tick_params(colors=theme.soft)


def map_from_above(axes: Axes) -> None:
    """Show metres of x and z in the same scale, as seen from above."""
    axes.use_sticky_edges = False  # of an image, too
    axes.autoscale()
    axes.margins(0.06)
    # With x to the right, z points down: docs/facts/maps.md#coordinates. Otherwise left turns would go to the right.
    axes.set_aspect("equal", adjustable="datalim")
    if not axes.yaxis_inverted():  # an image has turned it
        axes.invert_yaxis()
    axes.set_xlabel("x, m")
    axes.set_ylabel("z, m")
    axes.grid(alpha=0.25)


def draw_crossings(
    figure: Figure, axes: Axes, line: DrivenLine, crossings_ms: Sequence[int | None], theme: Theme
) -> None:
    """Mark start, checkpoints and finish; label those that have room, start and finish first."""
    marks = [(time_ms, str(number)) for number, time_ms in enumerate(crossings_ms, 1) if time_ms is not None]
    if marks and crossings_ms[-1] is not None:
        marks = [(marks[-1][0], "finish"), *marks[:-1]]
    marks = [(line.times_ms[0], "start"), *marks]
    figure.draw_without_rendering()  # settles the layout, so that positions in pixels are those of the picture
    labelled: list[tuple[float, float]] = []
    for time_ms, text in marks:
        if not line.times_ms[0] <= time_ms <= line.times_ms[-1] + 200:
            continue
        at = min(range(len(line.times_ms)), key=lambda i: abs(line.times_ms[i] - time_ms))
        point = (line.x[at], line.z[at])
        marker = "o" if text == "start" else "s"
        axes.plot(*point, marker, color="white", markeredgecolor="black", markersize=6, zorder=4)
        x, y = axes.transData.transform(point)
        if all(max(abs(x - other_x), abs(y - other_y)) >= _LABEL_DISTANCE for other_x, other_y in labelled):
            labelled.append((x, y))
            axes.annotate(text, point, textcoords="offset points", xytext=(6, 5), fontsize=8, zorder=5,
                          color=theme.text)  # fmt: skip


def _draw_controls(
    axes: Axes, steps: ControlSteps | None, end_ms: int, crossings_ms: Sequence[int], theme: Theme
) -> None:
    axes.set_xlim(0, end_ms / 1000)
    axes.set_ylim(-1.15, 2.6)
    axes.set_yticks([-1, 0, 1, 1.65, 2.2], ["right", "", "left", "brake", "gas"], fontsize=8)
    axes.set_xlabel("race time, s")
    if steps is None:
        axes.text(0.5, 0.5, "no inputs in the file", transform=axes.transAxes, ha="center", va="center",
                  color=theme.text)  # fmt: skip
        return
    for pedal, height, colour in ((steps.accelerate, 2.2, _ACCELERATE), (steps.brake, 1.65, _BRAKE)):
        axes.broken_barh(_held(pedal, end_ms), (height - 0.2, 0.4), facecolors=colour)
    times = [time_ms / 1000 for time_ms, _ in steps.steer] + [end_ms / 1000]
    values = [-value for _, value in steps.steer]  # left is up
    axes.step(times, [*values, values[-1]], where="post", color=theme.bar, linewidth=1)
    axes.fill_between(times, [*values, values[-1]], step="post", color=theme.bar, alpha=0.25)
    axes.axhline(0, color=theme.text, linewidth=0.5)
    if len(crossings_ms) <= _MAX_CHECKPOINT_LINES:
        for time_ms in crossings_ms:
            axes.axvline(time_ms / 1000, color=theme.text, linewidth=0.5, alpha=0.4)
    for time_ms in steps.respawns_ms:
        axes.axvline(time_ms / 1000, color=_RESPAWN, linewidth=1.2)


def _held(steps: Sequence[tuple[int, float]], end_ms: int) -> list[tuple[float, float]]:
    """Return (begin, duration) in seconds of each time that a pedal was down."""
    ends = [time_ms for time_ms, _ in steps[1:]] + [end_ms]
    return [
        (begin_ms / 1000, (stop_ms - begin_ms) / 1000)
        for (begin_ms, value), stop_ms in zip(steps, ends, strict=True)
        if value and stop_ms > begin_ms
    ]
