"""The picture of a run, looked at as pixels."""

from __future__ import annotations

import io

import pytest

from tmxdb.errors import BadInput
from tmxdb.pictures.drives import Controls, DrivenLine
from tmxdb.pictures.plot import draw_run

image = pytest.importorskip("PIL.Image", reason="no Pillow")
pytest.importorskip("matplotlib", reason="no matplotlib")

NOTHING = Controls([(0, 0.0)], [(0, 0.0)], [(0, 0.0)], [])


def straight_then(z: float, *, name: str = "ghost") -> DrivenLine:
    """100 m along x, slow, then 100 m along z, fast."""
    x = [float(i) for i in range(0, 101, 10)] + [100.0] * 10
    along_z = [0.0] * 11 + [z * i / 10 for i in range(1, 11)]
    return DrivenLine(name, [100 * i for i in range(21)], x, along_z, [20.0] * 11 + [400.0] * 10)


def colours_at(png: bytes, wanted: str) -> list[tuple[int, int]]:
    """(column, row) of the pixels of the line in a slow (blue) or a fast (red) colour, the colour bar left out."""
    picture = image.open(io.BytesIO(png)).convert("RGB")
    width, height = picture.size
    is_it = {"blue": lambda r, g, b: b > 150 and r < 100, "red": lambda r, g, b: r > 100 and g < 30 and b < 30}[wanted]
    pixels = picture.load()
    return [(x, y) for x in range(int(width * 0.88)) for y in range(int(height * 0.75)) if is_it(*pixels[x, y])]


@pytest.mark.parametrize(("z", "above"), [(-100.0, True), (100.0, False)])
def test_a_turn_to_the_left_is_to_the_left_on_the_picture(z: float, above: bool) -> None:
    png = draw_run("a run", [straight_then(z)], NOTHING, 2000)
    slow, fast = colours_at(png, "blue"), colours_at(png, "red")
    assert slow
    assert fast
    assert max(x for x, _ in slow) <= max(x for x, _ in fast)
    middle = sum(y for _, y in slow) / len(slow)
    assert (sum(y for _, y in fast) / len(fast) < middle) == above


def test_a_second_line_is_drawn_upon_the_first() -> None:
    one = draw_run("a run", [straight_then(-100)], NOTHING, 2000)
    two = draw_run("a run", [straight_then(-100), straight_then(60, name="captured")], NOTHING, 2000)
    assert one != two
    assert colours_at(two, "red")


def test_pedals_and_steering_are_seen_below() -> None:
    pressed = Controls([(0, 1.0)], [(0, 0.0), (500, 1.0), (900, 0.0)], [(0, 0.0), (100, -1.0), (300, 0.0)], [1000])
    picture = image.open(io.BytesIO(draw_run("a run", [straight_then(50)], pressed, 2000))).convert("RGB")
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert {(42, 157, 74), (200, 55, 45), (138, 92, 194)} <= colours


def test_names_with_signs_of_a_formula_are_drawn_as_they_are() -> None:
    assert draw_run("$fff$o \\frac{ _^ $x", [straight_then(50)], None, 2000).startswith(b"\x89PNG")


def test_without_a_line_there_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"replay 7: nothing to draw"):
        draw_run("replay 7", [], NOTHING, 1000)
