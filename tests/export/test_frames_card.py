"""What the card of captured frames says of their labels and of its own counts."""

from __future__ import annotations

import json

import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.frames import captured_database
from tests.tool import Tool
from tmxdb.db.database import Database


def measure_lag(captured: Tool, replay_id: int, confidence: float) -> None:
    path = captured.folder / f"data/frames/{replay_id // 10}/{replay_id}/metadata.json"
    measured = {"picture_lag_ticks": 1, "picture_lag_method": "held", "picture_lag_confidence": confidence}
    path.write_text(json.dumps(json.loads(path.read_text()) | measured))


def card_of(captured: Tool, *words: object) -> str:
    captured("export", "frames", "out", *words)
    return (captured.folder / "out" / "README.md").read_text()


def test_the_card_counts_runs_whose_labels_rest_on_an_assumed_or_doubtful_lag(captured: Tool) -> None:
    for replay_id in RUNS:
        measure_lag(captured, replay_id, {10: 0.2, 20: 0.49, 30: 0.5}.get(replay_id, 0.9))
    metadata = captured.folder / "data/frames/6/60/metadata.json"  # as versions before the lag was measured wrote it
    facts = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({name: facts[name] for name in facts if not name.startswith("picture_lag")}))
    card = card_of(captured)
    assert (
        "- Runs whose labels may be some ticks off, because the lag of their pictures was assumed, not measured: 1"
        f" ({RUNS[60]} frames); measured with a confidence below 0.5: 2 ({RUNS[10] + RUNS[20]} frames).\n"
    ) in card
    yaml = needs.module("yaml")
    head = yaml.safe_load(card.split("---\n")[1])
    assert {name: value for name, value in head.items() if name.startswith("picture_lag")} == {
        "picture_lag_assumed_runs": 1,
        "picture_lag_assumed_frames": RUNS[60],
        "picture_lag_doubtful_runs": 2,
        "picture_lag_doubtful_frames": RUNS[10] + RUNS[20],
    }


def test_a_card_of_captures_without_a_calibration_counts_them_all(captured: Tool) -> None:
    assert f"not measured: {len(RUNS)} ({sum(RUNS.values())} frames)" in card_of(captured)


@pytest.mark.parametrize(("form", "extra"), [("minari", 1), ("webdataset", None)])
def test_the_card_says_whether_runs_without_frames_are_counted(captured: Tool, form: str, extra: int | None) -> None:
    if form == "minari":
        needs.module("h5py")
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 1})
    database.close()
    card = card_of(captured, "--format", form)
    rows = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith(("| train", "| val"))]
    assert sum(int(row[3]) for row in rows) == len(RUNS) + 1
    said = "Runs without any other frame are counted, and listed in `runs.jsonl`, all the same."
    assert (said in card) == (extra is not None)
