"""What one stand-in is made of: read once, by the command line or by a test, and passed on as a value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Settings:
    """Everything that decides what the sandbox serves; two sandboxes with equal settings serve equal bytes.

    `plain` makes every track and replay an ordinary one (`replays` ranked ones on each track, nothing
    deleted, no hostile name), for those who want to count. `empty_board` is the answer to the replay
    list of a track without replays: "404" as the site does, or "list" for an empty one.
    """

    tracks: int = 1000
    replays: int = 10
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    gbx_dir: str | None = None
    plain: bool = False
    empty_board: str = "404"
    file_kb: float = 0
    latency_ms: float = 0
    faults: list[str] = field(default_factory=list)
    log_file: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        return cls(**json.loads(text))
