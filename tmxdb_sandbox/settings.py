"""The settings of one simulated exchange."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Settings:
    """Everything that decides what the sandbox serves. Equal settings serve equal bytes.

    `plain` makes every track and replay an ordinary one, for tests that count: exactly `replays` ranked replays on each
    track, nothing deleted, no hostile names. `empty_board` is the response to the replay list of a track without
    replays: "404", as on the site, or "list" for an empty list. `still_activity`: a new replay does not move the
    ActivityAt of its track.
    """

    tracks: int = 1000
    replays: int = 10
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    gbx_dir: str | None = None
    plain: bool = False
    empty_board: str = "404"
    still_activity: bool = False
    file_kb: float = 0
    latency_ms: float = 0
    faults: list[str] = field(default_factory=list)
    log_file: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        return cls(**json.loads(text))
