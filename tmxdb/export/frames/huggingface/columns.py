"""The columns of data sets for the Hub beside the picture: the first 13 are those of rulka's converter, in its types.

Programs that were written for its data set read these too. docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

from typing import Any

from tmxdb.export.frames.frame_samples import FrameSample
from tmxdb.export.frames.vectors import state_vector


def flat_facts(sample: FrameSample) -> dict[str, Any]:
    """Return the columns of a sample in order, without its picture."""
    facts, run = sample.facts, sample.run
    inputs = facts["inputs"]
    return {
        "track_id": str(facts["track_id"]),
        "replay_name": run.replay_name,
        **{name: facts[name] for name in ("step", "time_ms", "action_idx")},
        **{name: inputs[name] for name in ("accelerate", "brake", "left", "right")},
        "fps": float(run.fps),
        "width": run.width,
        "height": run.height,
        "race_finished": run.finished,
        **{name: facts[name] for name in ("capture_id", "replay_id", "map_uid", "race_time_ms")},
        "steer": inputs["steer"],
        "gas": inputs["gas"],
        "state": state_vector(facts),
    }
