"""The driven line seen from above, coloured by speed, with the inputs below: one picture of one run.

matplotlib draws (the extra `plot`); it is imported when a picture is wanted, since that takes half a second.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tmxdb.errors import BadInput
from tmxdb.pictures.drives import Controls, DrivenLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 120
_COLOURS = "turbo"
_ACCELERATE, _BRAKE, _STEER, _RESPAWN = "#2a9d4a", "#c8372d", "#30507a", "#8a5cc2"


def draw_run(
    title: str, lines: Sequence[DrivenLine], pressed: Controls | None, end_ms: int, crossings_ms: Sequence[int] = ()
) -> bytes:
    """A PNG of one or more lines and the controls of a run that ends at `end_ms`; `crossings_ms` are its checkpoints.

    The first line is drawn broad, further ones thin and black upon it. Raises BadInput without a line or without
    matplotlib.
    """
    if not any(len(line.x) > 1 for line in lines):
        raise BadInput(f"{title}: nothing to draw, the replay has no samples.", code="input.no_samples")
    figure = _new_figure()
    above, below = figure.subplots(2, 1, height_ratios=[4, 1])
    _draw_lines(figure, above, lines, crossings_ms)
    above.set_title(_plain(title), fontsize=11)
    _draw_controls(below, pressed, max(end_ms, 1), crossings_ms)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    return picture.getvalue()


def _new_figure() -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise BadInput(
            "drawing needs matplotlib. Install it with: pip install 'tmxdb[plot]'", code="input.extra"
        ) from error
    figure = Figure(figsize=(9, 9), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _draw_lines(figure: Figure, axes: Axes, lines: Sequence[DrivenLine], crossings_ms: Sequence[int]) -> None:
    from matplotlib.collections import LineCollection

    fastest = max(max(line.speed_kmh, default=0.0) for line in lines)
    for number, line in enumerate(line for line in lines if len(line.x) > 1):
        points = list(zip(line.x, line.z, strict=True))
        if number:
            axes.plot(line.x, line.z, color="black", linewidth=0.8, linestyle=(0, (3, 2)), label=line.name, zorder=3)
            continue
        axes.add_collection(
            coloured := LineCollection(
                list(itertools.pairwise(points)),
                array=line.speed_kmh[1:],
                cmap=_COLOURS,
                linewidth=4,
                capstyle="round",
                label=line.name,
            )
        )
        coloured.set_clim(0, fastest or 1)
        figure.colorbar(coloured, ax=axes, label="speed, km/h", fraction=0.04, pad=0.01)
        _mark(axes, line, 0, "start", "o")
        for passed, time_ms in enumerate(crossings_ms, 1):
            _mark(axes, line, time_ms, "finish" if passed == len(crossings_ms) else str(passed), "s")
    axes.autoscale()
    axes.margins(0.06)
    # Seen from above with x to the right, z points down: only so is a left turn one to the left (told by the curves
    # of real replays, whose steering keys are known).
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.set_xlabel("x, m")
    axes.set_ylabel("z, m")
    axes.grid(alpha=0.25)
    if sum(len(line.x) > 1 for line in lines) > 1:
        axes.legend(loc="best", fontsize=8)


def _mark(axes: Axes, line: DrivenLine, time_ms: int, text: str, shape: str) -> None:
    if not line.times_ms[0] <= time_ms <= line.times_ms[-1] + 200:
        return
    at = min(range(len(line.times_ms)), key=lambda i: abs(line.times_ms[i] - time_ms))
    axes.plot(line.x[at], line.z[at], shape, color="white", markeredgecolor="black", markersize=6, zorder=4)
    axes.annotate(text, (line.x[at], line.z[at]), textcoords="offset points", xytext=(6, 5), fontsize=8, zorder=5)


def _draw_controls(axes: Axes, pressed: Controls | None, end_ms: int, crossings_ms: Sequence[int]) -> None:
    axes.set_xlim(0, end_ms / 1000)
    axes.set_ylim(-1.15, 2.6)
    axes.set_yticks([-1, 0, 1, 1.65, 2.2], ["right", "", "left", "brake", "gas"], fontsize=8)
    axes.set_xlabel("race time, s")
    if pressed is None:
        axes.text(0.5, 0.5, "no inputs in the file", transform=axes.transAxes, ha="center", va="center")
        return
    for steps, height, colour in ((pressed.accelerate, 2.2, _ACCELERATE), (pressed.brake, 1.65, _BRAKE)):
        axes.broken_barh(_held(steps, end_ms), (height - 0.2, 0.4), facecolors=colour)
    times = [time_ms / 1000 for time_ms, _ in pressed.steer] + [end_ms / 1000]
    values = [-value for _, value in pressed.steer]  # left is up, as the hands would turn
    axes.step(times, [*values, values[-1]], where="post", color=_STEER, linewidth=1)
    axes.fill_between(times, [*values, values[-1]], step="post", color=_STEER, alpha=0.25)
    axes.axhline(0, color="black", linewidth=0.5)
    for time_ms in crossings_ms:
        axes.axvline(time_ms / 1000, color="black", linewidth=0.5, alpha=0.4)
    for time_ms in pressed.respawns_ms:
        axes.axvline(time_ms / 1000, color=_RESPAWN, linewidth=1.2)


def _held(steps: Sequence[tuple[int, float]], end_ms: int) -> list[tuple[float, float]]:
    """(from, length) in seconds of the times at which a pedal was down."""
    ends = [time_ms for time_ms, _ in steps[1:]] + [end_ms]
    return [
        (begin_ms / 1000, (stop_ms - begin_ms) / 1000)
        for (begin_ms, value), stop_ms in zip(steps, ends, strict=True)
        if value and stop_ms > begin_ms
    ]


def _plain(text: str) -> Any:
    """A title as it is: matplotlib would take what stands between two dollar signs for a formula."""
    return text.replace("$", r"\$")
