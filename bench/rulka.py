"""Read exports with rulka's own functions: samples, actions, all 184 floats, the split of tracks, and centre lines.

    python3 run.py bench rulka --python rulka-venv/bin/python --source rulka

rulka and torch are too large for the tests. Clone rulka into a folder, and make an environment for it:
`python3 -m venv rulka-venv`, then `rulka-venv/bin/pip install torch numpy scipy opencv-python-headless tqdm`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench._table import print_rows

READER = """
import json, random, sys, types
from pathlib import Path
import numpy as np

source, root = Path(sys.argv[1]), Path(sys.argv[2])
for name in ("trackmania_rl", "trackmania_rl.pretrain", "config_files"):  # without what they import to train
    module = types.ModuleType(name)
    module.__path__ = [str(source / name.replace(".", "/"))]
    sys.modules[name] = module
from trackmania_rl.geometry import extract_cp_distance_interval
from trackmania_rl.pretrain.datasets import split_track_ids_from_list
from trackmania_rl.pretrain.preprocess import build_bc_cache

asked = json.loads((root / "asked.json").read_text())
names = ("accelerate", "brake", "left", "right")
actions = [dict(zip(names, (p in (0, 3), p in (2, 3), s == 1, s == 2))) for p in range(4) for s in range(3)]
config = types.SimpleNamespace(
    float_input_dim=184, n_prev_actions_in_inputs=5, n_zone_centers_in_inputs=40, action_forward_idx=0, inputs=actions,
    one_every_n_zone_centers_in_inputs=20, n_contact_material_physics_behavior_types=4,
)
options = {"val_fraction": 0.25, "bc_time_offsets_ms": [0, 10, 50], "floats_config": config}
build_bc_cache(root / "out/all", root / "cache", **options)
arrays = {path.stem: np.load(path) for path in (root / "cache").glob("*.npy")}
floats = np.concatenate([arrays["train_floats"], arrays["val_floats"]])
extract_cp_distance_interval(asked["path"], 0.5, root, root / "theirs.npy")
print(json.dumps({
    "samples": len(floats), "floats": floats.shape[1],
    "with zones": int((np.abs(floats[:, 62:183]).sum(axis=1) > 0).sum()),
    "splits": [sorted(map(int, split_track_ids_from_list(sorted(map(str, ids)), share, seed)[1]))
               for ids, share, seed in asked["splits"]],
    "line": np.load(root / "theirs.npy").tolist(),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python with torch, scipy and OpenCV")
    parser.add_argument("--source", required=True, help="a clone of rulka")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        frames = fill(root)
        asked = questions()
        (root / "asked.json").write_text(json.dumps(asked))
        command = [wanted.python, "-c", READER, str(Path(wanted.source).resolve()), str(root)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(ran.stdout.splitlines()[-1])
    splits, difference = compare(asked, found)
    rows: list[list[Any]] = [
        ["samples", found["samples"], frames],
        ["floats of a sample", found["floats"], 184],
        ["samples with zones", found["with zones"], frames],
        ["lists of tracks divided alike", splits, len(asked["splits"])],
        ["largest difference of a centre line (m)", difference, 0.0],
    ]
    print_rows("Exports read by rulka's functions", ("what", "found", "expected"), rows)


def fill(root: Path) -> int:
    """Export captures of four tracks with centre lines. Return the number of frames."""
    import numpy as np

    from bench._frame_exports import export_frames
    from tests.frames import captured_database
    from tmxdb.db.database import Database
    from tmxdb.db.migrate import upgrade

    database = Database(str(root / "tmx.db"))
    upgrade(database)
    runs = {10: 120, 11: 50, 20: 250, 30: 33, 31: 64, 40: 90}
    captured_database(database, root / "data", runs)
    database.close()
    (root / "vcp").mkdir()
    angle = np.arange(1200) / 200  # a point every half metre of the circle that the car drives
    line = np.stack([500 + 100 * np.cos(angle), 0 * angle + 9, 500 + 100 * np.sin(angle)], axis=1)
    for track_id in range(1, 5):
        np.save(root / f"vcp/{track_id}_0.5m_cl.npy", line)
    export_frames(root, root / "out", "rulka", part="all", vcp=str(root / "vcp"))
    return sum(runs.values())


def questions() -> dict[str, Any]:
    """Return lists of tracks to divide, and positions to make a centre line of."""
    import math
    import random

    chance = random.Random(0)
    splits = [
        [chance.sample(range(1, 10**6), n), share, seed]
        for n in (1, 2, 3, 10, 57)
        for share in (0.1, 0.25, 0.5)
        for seed in range(20)
    ]
    path = [[3.0 * i, 9 + math.sin(i / 7), 20 * math.cos(i / 9)] for i in range(200)]
    return {"splits": splits, "path": path}


def compare(asked: dict[str, Any], found: dict[str, Any]) -> tuple[int, float]:
    """Return how many lists tmxdb divides as rulka did, and the largest difference of the centre lines in metres."""
    import numpy as np

    from tmxdb.export.centerlines.resampling import centerline
    from tmxdb.export.frames.split import shuffled_tracks

    alike = 0
    for (ids, share, seed), theirs in zip(asked["splits"], found["splits"], strict=True):
        parts = shuffled_tracks({"train": 1 - share, "val": share}, ids, seed=seed)
        alike += sorted(track for track, part in parts.items() if part == "val") == theirs
    ours = np.array(centerline([tuple(point) for point in asked["path"]], 0.5))
    return alike, float(np.abs(ours - np.array(found["line"])).max())


if __name__ == "__main__":
    main()
