"""New figures of matplotlib, which is imported on first use because that takes half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmxdb.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches. Raise InvalidInput if matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'Drawing needs matplotlib. Install it with: pip install "tmxdb[plot]"', code="input.extra"
        ) from error
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
