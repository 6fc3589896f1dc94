"""Pictures and labels of captures belong together: a model learns the actions from the pictures, and from no others.

The code is that of docs/how-to/train.md.
"""

from __future__ import annotations

import random
import re
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.e2e.captures.captures import World
from tests.tool import Tool, lengthen_capture_waits

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "train.md"
RACE_MS = 4000


@pytest.fixture
def world(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    lengthen_capture_waits(monkeypatch)
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    return World(tool)


def steering(seed: int) -> list[tuple[int, str, int]]:
    """Return inputs that go left, straight and right for 60 to 200 ms each."""
    chance = random.Random(seed)
    events, at_ms = [(10, "Accelerate", 1)], 10
    while at_ms < RACE_MS - 200:
        length_ms = 10 * chance.randint(6, 20)
        key = chance.choice(("SteerLeft", "SteerRight", None))
        if key:
            events += [(at_ms, key, 1), (at_ms + length_ms, key, 0)]
        at_ms += length_ms
    return events


@pytest.mark.slow
def test_a_model_learns_the_actions_from_the_pictures_and_late_labels_are_worse(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.module("sklearn")
    world.fill(tracks=5, replays=1, race_ms=RACE_MS, inputs=steering)
    world.tool("add-captures", "--fps", "20", "--width", "64", "--height", "64")
    with world.games(2) as games:
        world.tool(*world.work(games), "--no-progress")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    monkeypatch.chdir(world.tool.folder)
    Path("page.py").write_text("\n".join(blocks), "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn
        result: dict[str, Any] = runpy.run_path("page.py")
    print(result["right"], result["guessed"], result["late"])
    assert result["right"] > result["guessed"] + 0.2
    assert result["late"] < result["right"] - 0.1
