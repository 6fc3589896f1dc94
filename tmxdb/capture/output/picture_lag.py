"""Whether the labels of a capture rest on a lag of its pictures that was measured for certain.

Pictures of the game have no time, so their labels are those of a tick that is some ticks before the last step. Where
that lag is wrong, every label of the capture is wrong by the same ticks: docs/how-to/capture.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ASSUMED, DOUBTFUL = "assumed", "doubtful"
CERTAIN = 0.5
"""A measurement with less confidence is doubtful: a quarter of the pictures one tick late still give 0.6."""


def lag_doubt(metadata: Mapping[str, Any]) -> str | None:
    """Return `assumed` if the lag of a capture was not measured, `doubtful` if it was with doubt; None if it is known.

    `metadata`: that of the capture. Versions without these fields assumed the lag.
    """
    if metadata.get("picture_lag_method", ASSUMED) == ASSUMED:
        return ASSUMED
    confidence = metadata.get("picture_lag_confidence")
    return None if isinstance(confidence, int | float) and confidence >= CERTAIN else DOUBTFUL
