"""256 jobs in flight, and the site sends all it can think of: the process stays small."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from tmxdb.sandbox import running_site

from ..tool import Tool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are told as Linux does it"),
]
MOST_MB = 300


def peak_mb(pid: int) -> float:
    """The most memory that the process has had at once."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0  # a process that has just ended has none


@pytest.mark.parametrize(
    ("kind", "faults", "file_kb", "requests"),
    [
        ("download", [], 3000, 150),
        ("download", ["huge:mb=20"], 0, 300),
        ("download", ["endless"], 0, 100),
        ("download", ["bomb"], 0, 1000),
        ("list", ["json-huge:mb=20"], 0, 100),
        ("list", ["bomb"], 0, 400),
        ("list", ["endless"], 0, 100),
        ("list", ["json-deep"], 0, 400),
    ],
)
def test_a_worker_stays_small_whatever_it_is_served(
    tool: Tool, kind: str, faults: list[str], file_kb: int, requests: int
) -> None:
    with running_site(tracks=260, replays=2, plain=True, file_kb=file_kb) as site:
        tool("--site", site.url, "sync-tracks")
        if kind == "download":
            tool("work", "--kind", "list")
        site.forget()
        site.set_faults(faults)
        with tool.started("work", "--kind", kind, "--n", 256, "--max-attempts", 1000) as process:
            most, deadline = 0.0, time.monotonic() + 60
            while process.poll() is None and site.stats()["requests"] < requests:
                assert time.monotonic() < deadline
                most = max(most, peak_mb(process.pid))
                time.sleep(0.05)
    assert 40 < most < MOST_MB
