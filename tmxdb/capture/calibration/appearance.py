"""Whether pictures of a drive are upright and have the right colours, as far as a program can tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean
from typing import Any

from tmxdb.game.check_result import CheckResult

_APART_MS = 100
_CLEARLY = 1.3
"""How many times more one half must move to be the ground."""
_BLUER = 5.0
LOOK = "look at the picture"


def check_upright(pictures: Mapping[int, Any]) -> CheckResult:
    """Check that the lower third of the pictures moves more than the upper one: the ground is closer than the sky."""
    chosen: list[int] = []
    for time_ms in sorted(pictures):
        if not chosen or time_ms - chosen[-1] >= _APART_MS:
            chosen.append(time_ms)
    pairs = [(pictures[one], pictures[other]) for one, other in pairwise(chosen)]
    top = mean([_difference(_third(a, 0), _third(b, 0)) for a, b in pairs] or [0.0])
    bottom = mean([_difference(_third(a, 2), _third(b, 2)) for a, b in pairs] or [0.0])
    found = f"the lower third changes by {bottom:.1f} of 255 in {_APART_MS} ms, the upper third by {top:.1f}"
    if bottom > _CLEARLY * top:
        return CheckResult("upright", True, found)
    if top > _CLEARLY * bottom:
        fix = f"the pictures may be upside down: {LOOK}, and report it with the versions above"
        return CheckResult("upright", None, found, fix)
    return CheckResult("upright", None, found, f"it cannot be told by the motion: {LOOK}")


def check_colors(pictures: Sequence[Any]) -> CheckResult:
    """Check that the upper third is more blue than red, as the sky of most maps is."""
    means = [_mean_color(_third(picture, 0)) for picture in pictures]
    red, green, blue = (mean([color[n] for color in means] or [0.0]) for n in range(3))
    found = f"the upper third is red {red:.0f}, green {green:.0f}, blue {blue:.0f} in the mean"
    if blue - red > _BLUER:
        return CheckResult("colours", True, found)
    if red - blue > _BLUER:
        fix = f"red and blue may be swapped, unless the map is one of sunset or night: {LOOK}"
        return CheckResult("colours", None, found, fix)
    return CheckResult("colours", None, found, f"it cannot be told by the sky: {LOOK}")


def _third(image: Any, number: int) -> Any:
    width, height = image.size
    return image.crop((0, height * number // 3, width, height * (number + 1) // 3))


def _difference(one: Any, other: Any) -> float:
    from tmxdb.capture.calibration.pictures import difference

    return difference(one, other)


def _mean_color(image: Any) -> list[float]:
    from PIL import ImageStat

    color: list[float] = ImageStat.Stat(image).mean
    return color
