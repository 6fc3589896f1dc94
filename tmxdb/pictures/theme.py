"""Light and dark pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a picture, those of the web pages."""

    back: str
    text: str
    soft: str
    line: str
    bar: str
    second: str


LIGHT = Theme("#ffffff", "#17201a", "#5a655d", "#dde2dc", "#1d6fd1", "#c2410c")
DARK = Theme("#0f1411", "#e6ece7", "#9aa79e", "#2a342e", "#6db3ff", "#ffa05c")


def colour_axes(axes: Axes, theme: Theme) -> None:
    """Give a diagram with a frame the colours of a theme."""
    axes.set_facecolor(theme.back)
    axes.tick_params(colors=theme.soft)
    for spine in axes.spines.values():
        spine.set_color(theme.line)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(theme.text)
