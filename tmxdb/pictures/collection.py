"""Draw what a collection consists of: bars for replays per track, race times, uploads, devices and records."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput
from tmxdb.pictures.figure import DPI, new_figure
from tmxdb.pictures.plot_text import drawable
from tmxdb.pictures.theme import Theme
from tmxdb.reports.collection import CollectionStats, LabelledCount, NumberBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg")
MAX_LETTERS = 54
"""Letters of all labels below an axis; more would run into each other."""
MIN_PLACES = 5
"""Few bars are not drawn wider than five."""
WIDTH, HEIGHT = 6.0, 3.3
"""Of one chart, in inches."""


def draw_collection(stats: CollectionStats, charts: Sequence[str], title: str, *, form: str, theme: Theme) -> bytes:
    """Return a picture of some of `tmxdb.reports.collection.CHARTS` as one of FORMATS, two charts in a row.

    Raise InvalidInput if matplotlib is not installed, or if there is nothing to draw.
    """
    if not stats.tracks:
        raise InvalidInput("There are no tracks to draw. `tmxdb sync-tracks` lists them.", code="input.no_rows")
    columns = min(2, len(charts))
    rows = -(-len(charts) // columns)
    figure = new_figure(WIDTH * columns, HEIGHT * rows + 0.4)
    figure.set_facecolor(theme.back)
    text, families = drawable(title)
    figure.suptitle(text, color=theme.text, fontsize=12, fontfamily=families)
    grid = figure.add_gridspec(rows, columns)
    for number, chart in enumerate(charts):
        row, column = divmod(number, columns)
        is_alone = number == len(charts) - 1 and column == 0
        axes = figure.add_subplot(grid[row, :] if is_alone else grid[row, column])
        _style(axes, theme)
        _CHARTS[chart](axes, stats, theme)
    out = io.BytesIO()
    if form == "svg":
        import matplotlib

        with matplotlib.rc_context({"svg.hashsalt": "tmxdb"}):
            figure.savefig(out, format="svg", metadata={"Date": None})
    else:
        figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()


def _style(axes: Axes, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_facecolor(theme.back)
    axes.tick_params(colors=theme.soft, labelsize=8, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.line)
    axes.grid(axis="y", color=theme.line, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _replays_per_track(axes: Axes, stats: CollectionStats, theme: Theme) -> None:
    found = [(_whole(one), one.count) for one in stats.replays_per_track]
    _bars(axes, found, theme, "Replays per track", "replays", "tracks")


def _race_times(axes: Axes, stats: CollectionStats, theme: Theme) -> None:
    found = [(_span(one), one.count) for one in stats.race_times_s]
    _bars(axes, found, theme, "Race times", "seconds, minutes or hours", "runs")


def _uploads(axes: Axes, stats: CollectionStats, theme: Theme) -> None:
    tracks, replays = _by_label(stats.tracks_by_year), _by_label(stats.replays_by_year)
    years = [str(year) for year in range(*_years([*tracks, *replays]))]
    _title(axes, "Uploads per year", theme)
    if not years:
        _nothing(axes, theme)
        return
    places = range(len(years))
    axes.bar(
        [at - 0.2 for at in places], [tracks.get(year, 0) for year in years], 0.4, color=theme.second, label="tracks"
    )
    axes.bar(
        [at + 0.2 for at in places], [replays.get(year, 0) for year in years], 0.4, color=theme.bar, label="replays"
    )
    _labels(axes, years)
    axes.legend(frameon=False, labelcolor=theme.text, fontsize=8)


def _devices(axes: Axes, stats: CollectionStats, theme: Theme) -> None:
    _bars(axes, [(one.label, one.count) for one in stats.devices], theme, "Devices", "", "runs")


def _records(axes: Axes, stats: CollectionStats, theme: Theme) -> None:
    counts = _by_label(stats.records_by_month)
    months = [f"{year}-{month:02d}" for year in range(*_years(counts)) for month in range(1, 13)]
    shown = [month for month in months if min(counts) <= month <= max(counts)] if counts else []
    _bars(axes, [(month, counts.get(month, 0)) for month in shown], theme, "Present records by month", "", "records")


_CHARTS: dict[str, Callable[[Axes, CollectionStats, Theme], None]] = {
    "replays-per-track": _replays_per_track,
    "race-times": _race_times,
    "uploads": _uploads,
    "devices": _devices,
    "records": _records,
}


def _bars(axes: Axes, counts: Sequence[tuple[str, int]], theme: Theme, title: str, x: str, y: str) -> None:
    _title(axes, title, theme)
    axes.set_xlabel(x, color=theme.soft, fontsize=8)
    axes.set_ylabel(y, color=theme.soft, fontsize=8)
    if not any(count for _, count in counts):
        _nothing(axes, theme)
        return
    axes.bar(range(len(counts)), [count for _, count in counts], 0.85, color=theme.bar)
    if len(counts) < MIN_PLACES:
        axes.set_xlim(-0.5 - (MIN_PLACES - len(counts)) / 2, len(counts) - 0.5 + (MIN_PLACES - len(counts)) / 2)
    _labels(axes, [drawable(label)[0] for label, _ in counts])


def _labels(axes: Axes, labels: Sequence[str]) -> None:
    fitting = max(2, MAX_LETTERS // max(len(label) + 2 for label in labels))
    every = -(-len(labels) // fitting)
    shown = range(0, len(labels), every)
    axes.set_xticks(list(shown), [labels[at] for at in shown])


def _title(axes: Axes, title: str, theme: Theme) -> None:
    axes.set_title(title, color=theme.text, fontsize=10, loc="left")


def _nothing(axes: Axes, theme: Theme) -> None:
    axes.text(0.5, 0.5, "nothing known", transform=axes.transAxes, ha="center", va="center", color=theme.soft)
    axes.set_xticks([])
    axes.set_yticks([])


def _by_label(counts: Sequence[LabelledCount]) -> dict[str, int]:
    """Return the counts by year or month. Text that does not begin with a year from 1990 on is left out."""
    return {one.label: one.count for one in counts if one.label[:4].isdigit() and 1990 <= int(one.label[:4]) <= 2100}


def _years(labels: Sequence[str] | dict[str, int]) -> tuple[int, int]:
    years = [int(label[:4]) for label in labels]
    return (min(years), max(years) + 1) if years else (0, 0)


def _whole(one: NumberBin) -> str:
    begin, last = int(one.begin), int(one.end) - 1
    return f"{begin:,}" if begin == last else f"{begin:,}-{last:,}"


def _span(one: NumberBin) -> str:
    return f"{_duration(one.begin)}-{_duration(one.end)}"


def _duration(seconds: float) -> str:
    """Return seconds as `50`, `3:20` or `1:23:20`."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes == 0:
        return f"{rest}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
