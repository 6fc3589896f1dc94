"""Where a run loses time to another one: the comparison, the marks and the table."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gbx.made import a_challenge, a_replay
from tests.rows import Rows
from tests.serve.browser.conftest import WAIT_MS, on_linux
from tmxdb.db.database import Database

pytestmark = [pytest.mark.slow, on_linux]
COMPARE = """async ([mine, theirs]) => {
  const { losses, gaps } = await import("/static/scene_losses.js");
  const ghost = ({ times, places, jumps }) => ({ n: times.length, times, positions: places.flat(),
    isJump: times.map((_, i) => jumps.includes(i) ? 1 : 0) });
  const [a, b] = [ghost(mine), ghost(theirs)];
  const behind = gaps(a, b);
  return { gaps: [...behind].map((gap) => Number.isNaN(gap) ? null : gap), losses: losses(a, behind) };
}"""
Compare = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@pytest.fixture
def compare(address: Callable[[], str], opened: Callable[..., Any]) -> Compare:
    """Return a function that compares two lines in the browser."""
    page = opened(address() + "/failures")

    def compared(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(COMPARE, [mine, theirs])
        return found

    return compared


def driven(
    place: Callable[[float], tuple[float, float]],
    speed: Callable[[float], float],
    *,
    length: float,
    side: float = 0.0,
    jumps: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Return a line: `place` by distance in m, `speed` in m/s by distance, a sample each 100 ms."""
    times, places, at = [0], [(*place(0.0), side)], 0.0
    while at < length:
        for _ in range(100):
            at += speed(at) / 1000
        times.append(times[-1] + 100)
        places.append((*place(at), side))
    return {"times": times, "places": places, "jumps": list(jumps)}


def straight(at: float) -> tuple[float, float]:
    return at, 0.0


def figure_of_eight(at: float) -> tuple[float, float]:
    turn = 2 * math.pi * at / 1200
    return 200 * math.sin(turn), 100 * math.sin(2 * turn)


@pytest.mark.parametrize("place", [straight, figure_of_eight])
def test_a_slow_stretch_is_found_with_the_time_it_costs(
    compare: Compare, place: Callable[[float], tuple[float, float]]
) -> None:
    """50 m at 25 m/s instead of 50 m/s cost a second."""
    theirs = driven(place, lambda at: 50.0, length=1200)
    mine = driven(place, lambda at: 25.0 if 500 <= at < 550 else 50.0, length=1200, side=3.0)
    found = compare(mine, theirs)
    assert len(found["losses"]) == 1
    loss = found["losses"][0]
    assert 800 < loss["lost_ms"] < 1100
    assert mine["times"][loss["from"]] < 11_500
    assert mine["times"][loss["to"]] > 11_000
    known = [gap for gap in found["gaps"] if gap is not None]
    assert len(known) > 0.95 * len(found["gaps"])
    assert abs(known[0]) < 50
    assert 900 < known[-1] < 1100


def test_a_gain_is_the_same_with_the_other_sign(compare: Compare) -> None:
    slow = driven(straight, lambda at: 25.0 if 500 <= at < 550 else 50.0, length=1200)
    fast = driven(straight, lambda at: 50.0, length=1200)
    found = compare(fast, slow)["losses"]
    assert [loss["lost_ms"] < -700 for loss in found] == [True]


def test_lines_that_are_the_same_or_far_apart_have_no_losses(compare: Compare) -> None:
    line = driven(straight, lambda at: 50.0, length=600)
    assert compare(line, line)["losses"] == []
    far = driven(straight, lambda at: 20.0, length=600, side=500.0)
    found = compare(far, line)
    assert (found["losses"], set(found["gaps"])) == ([], {None})


def test_a_respawn_is_no_place_on_the_line(compare: Compare) -> None:
    """The car of the other run is moved 400 m back: nothing is matched to the way between."""
    theirs = driven(straight, lambda at: 50.0, length=1000)
    back = [(x - 400.0, y, z) for x, y, z in theirs["places"][121:]]
    theirs = {"times": theirs["times"], "places": theirs["places"][:121] + back, "jumps": [121]}
    mine = driven(straight, lambda at: 50.0, length=590)
    found = compare(mine, theirs)
    assert all(gap is None or abs(gap) < 50 for gap in found["gaps"])


def test_marks_and_a_table_show_where_the_followed_run_loses(
    sqlite: Database, tmp_path: Path, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    rows, data = Rows(sqlite), tmp_path / "data"
    data.mkdir(exist_ok=True)
    slow = [(5.0 * n if n < 40 else 200.0 + 2.0 * (n - 40), 10.0, 500.0) for n in range(101)]
    lines = {1: [(5.0 * n, 10.0, 500.0) for n in range(65)], 2: slow}
    rows.track(1, "done")
    for replay_id, line in lines.items():
        race_time_ms = 100 * (len(line) - 1)
        file = a_replay(samples=line, race_time_ms=race_time_ms, checkpoints_ms=[race_time_ms])
        (data / f"{replay_id}.gbx").write_bytes(file)
        rows.replay(
            replay_id, "done", position=replay_id, file_path=f"{replay_id}.gbx", sha256=str(replay_id) * 64,
            user_name=f"driver {replay_id}", race_time_ms=race_time_ms, checkpoints_ms=f"[{race_time_ms}]",
        )  # fmt: skip
    (data / "map.gbx").write_bytes(a_challenge())
    rows.map(1, "done", file_path="map.gbx")
    page = opened(address() + "/track/1/3d", viewport={"width": 640, "height": 480})
    page.wait_for_selector("#view[data-state=ready]", timeout=WAIT_MS)
    page.locator("#ghosts button").nth(1).click()
    title = page.locator("#losses-title")
    assert title.inner_text() == "Where driver 2 loses time to driver 1"
    lost = [float(text.replace("−", "-")) for text in page.locator("#losses-table td.n").all_inner_texts()]
    assert lost
    assert min(lost) > 0
    page.locator("#losses-table button").first.click()
    page.wait_for_function("() => Number(document.getElementById('view').dataset.time) > 1000", timeout=WAIT_MS)
    page.uncheck("#marks")
    page.check("#marks")
    page.locator("#ghosts button").nth(0).click()
    assert title.inner_text() == "Where driver 1 loses time to driver 2"
    assert page.locator("#losses-table td.ahead").count() > 0
    assert page.locator("#losses-far").is_hidden()
