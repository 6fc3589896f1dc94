"""Read LeRobot exports with LeRobot itself: every row and every picture, at 10 and at 100 frames per second.

    python3 run.py bench lerobot --python lerobot-venv/bin/python

LeRobot is too large to install for the tests. Make an environment for it: `python3 -m venv lerobot-venv`, then
`lerobot-venv/bin/pip install lerobot`. Pictures differ by 60 of 255 from one frame to the next, so one that belongs
to a neighbour is found. `worst` is the largest difference between a picture and what it should show.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench._frame_exports import export_frames
from bench._table import print_rows

READER = """
import json, sys
from pathlib import Path
import lerobot, numpy, pyarrow.parquet
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, backend = Path(sys.argv[1]), sys.argv[2] or None
data = LeRobotDataset("tmxdb/run", root=root, video_backend=backend)
columns = ["time_ms", "action", "observation.state", "timestamp", "episode_index"]
files = sorted(root.glob("data/*/*"))
rows = [row for file in files for row in pyarrow.parquet.read_table(file, columns=columns).to_pylist()]
assert len(data) == len(rows)
worst = 0
for number, row in enumerate(rows):
    item = data[number]
    shown = float(item["observation.image"][0].mean()) * 255
    worst = max(worst, abs(shown - row["time_ms"] // 10 * 60 % 256))
    assert item["episode_index"] == row["episode_index"]
    assert item["task"].startswith("Drive the track")
    for name in ("action", "observation.state"):
        assert numpy.allclose(item[name].numpy(), row[name])
print(json.dumps({"version": lerobot.__version__, "frames": len(data), "episodes": data.num_episodes, "worst": worst}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python with lerobot")
    parser.add_argument("--frames", type=int, default=1000, help="frames of each run")
    wanted = parser.parse_args()
    rows: list[list[Any]] = []
    version = ""
    for fps in (10, 100):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            fill(root, wanted.frames, fps)
            for pictures, backend in (("rows", ""), ("video", "pyav"), ("video", "torchcodec")):
                out = root / f"{pictures}-{backend}"
                export_frames(root, out, "lerobot", pictures, shard_frames=3 * wanted.frames // 2)
                command = [wanted.python, "-c", READER, str(out / "train"), backend]
                ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found = json.loads(ran.stdout.splitlines()[-1])
                version = found["version"]
                rows.append([pictures, backend, fps, found["episodes"], found["frames"], found["worst"]])
    print_rows(f"Read with lerobot {version}", ("pictures", "backend", "fps", "episodes", "frames", "worst"), rows)


def fill(root: Path, frames: int, fps: int) -> None:
    """Create a database with three captures at a rate."""
    from tests.frames import captured_database, jpeg
    from tmxdb.db.database import Database
    from tmxdb.db.migrate import upgrade

    database = Database(str(root / "tmx.db"))
    upgrade(database)
    captured_database(database, root / "data", dict.fromkeys((10, 11, 20), frames), fps=fps)
    database.close()
    for path in (root / "data/frames").rglob("*.jpeg"):
        time_ms = int(path.stem.rpartition("_")[2].removesuffix("ms"))
        path.write_bytes(jpeg(time_ms // 10 * 60 % 256 * 100))  # a picture of this red


if __name__ == "__main__":
    main()
