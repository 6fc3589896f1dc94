"""The picture of a run, checked by its pixels."""

from __future__ import annotations

import io

import pytest

from tests import needs
from tmxdb.errors import InvalidInput
from tmxdb.pictures.controls import ControlSteps
from tmxdb.pictures.driven_line import DrivenLine
from tmxdb.pictures.plot import draw_run

image = needs.module("PIL.Image")
needs.module("matplotlib")

NO_INPUTS = ControlSteps([(0, 0.0)], [(0, 0.0)], [(0, 0.0)], [])


def straight_then(z: float, *, name: str = "ghost") -> DrivenLine:
    """100 m along x, slow, then 100 m along z, fast."""
    x = [float(i) for i in range(0, 101, 10)] + [100.0] * 10
    along_z = [0.0] * 11 + [z * i / 10 for i in range(1, 11)]
    return DrivenLine(name, [100 * i for i in range(21)], x, along_z, [20.0] * 11 + [400.0] * 10)


def colours_at(png: bytes, colour: str) -> list[tuple[int, int]]:
    """(column, row) of the pixels of the line in the slow (blue) or fast (red) colour, without the colour bar."""
    picture = image.open(io.BytesIO(png)).convert("RGB")
    width, height = picture.size
    matches = {"blue": lambda r, g, b: b > 150 and r < 100, "red": lambda r, g, b: r > 100 and g < 30 and b < 30}[
        colour
    ]
    pixels = picture.load()
    return [(x, y) for x in range(int(width * 0.88)) for y in range(int(height * 0.75)) if matches(*pixels[x, y])]


@pytest.mark.parametrize(("z", "above"), [(-100.0, True), (100.0, False)])
def test_a_left_turn_is_drawn_to_the_left(z: float, above: bool) -> None:
    png = draw_run("a run", [straight_then(z)], NO_INPUTS, 2000)
    slow, fast = colours_at(png, "blue"), colours_at(png, "red")
    assert slow
    assert fast
    assert max(x for x, _ in slow) <= max(x for x, _ in fast)
    middle = sum(y for _, y in slow) / len(slow)
    assert (sum(y for _, y in fast) / len(fast) < middle) == above


def test_a_second_line_is_drawn_over_the_first() -> None:
    one = draw_run("a run", [straight_then(-100)], NO_INPUTS, 2000)
    two = draw_run("a run", [straight_then(-100), straight_then(60, name="captured")], NO_INPUTS, 2000)
    assert one != two
    assert colours_at(two, "red")


def test_pedals_and_steering_are_drawn_below() -> None:
    pressed = ControlSteps([(0, 1.0)], [(0, 0.0), (500, 1.0), (900, 0.0)], [(0, 0.0), (100, -1.0), (300, 0.0)], [1000])
    picture = image.open(io.BytesIO(draw_run("a run", [straight_then(50)], pressed, 2000))).convert("RGB")
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert {(42, 157, 74), (200, 55, 45), (138, 92, 194)} <= colours


def test_a_replay_without_samples_is_reported() -> None:
    with pytest.raises(InvalidInput, match=r"replay 7 has no samples"):
        draw_run("replay 7", [], NO_INPUTS, 1000)


def respawning_line() -> DrivenLine:
    """100 m to the right, moved back to the start and 100 m down, then 100 m to the right again."""
    there = [float(x) for x in range(0, 101, 10)]
    z = [0.0] * 11 + [100.0] * 11
    return DrivenLine("ghost", [100 * i for i in range(22)], [*there, *there], z, [400.0] * 22)


def rows_between(png: bytes, colour: str) -> set[int]:
    """Rows of the picture strictly between the topmost and the lowest pixel of a colour that have such a pixel."""
    rows = {y for _, y in colours_at(png, colour)}
    middle = (min(rows) + max(rows)) // 2
    return {row for row in rows if abs(row - middle) < (max(rows) - min(rows)) // 4}


def test_no_line_is_drawn_across_a_respawn() -> None:
    respawn = ControlSteps([(0, 0.0)], [(0, 0.0)], [(0, 0.0)], [1_050])
    assert rows_between(draw_run("a run", [respawning_line()], respawn, 2_100), "red") == set()
    continuous = DrivenLine("ghost", [0, 1_000, 2_000], [0.0, 100.0, 0.0], [0.0, 50.0, 100.0], [400.0] * 3)
    assert rows_between(draw_run("a run", [continuous], NO_INPUTS, 2_000), "red")


def labels_of(crossings_ms: list[int | None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Draw a run and return the labels of its checkpoints."""
    from matplotlib.axes import Axes

    labels: list[str] = []
    real = Axes.annotate

    def annotate(axes: Axes, text: str, *args: object, **settings: object) -> object:
        labels.append(text)
        return real(axes, text, *args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "annotate", annotate)
    assert draw_run("a run", [straight_then(100)], NO_INPUTS, 2_000, crossings_ms).startswith(b"\x89PNG")
    return labels


def test_checkpoints_are_numbered_and_those_without_a_time_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert labels_of([500, None, 1_500, 2_000], monkeypatch) == ["start", "finish", "1", "3"]
    assert labels_of([500, None], monkeypatch) == ["start", "1"]


def test_labels_of_many_checkpoints_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = labels_of([*range(4, 1_920, 4), 2_000], monkeypatch)
    assert labels[:2] == ["start", "finish"]
    assert 4 < len(labels) < 60
