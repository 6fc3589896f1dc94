"""A worker with 256 jobs in flight stays small, whatever the site sends."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb_sandbox import running_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc"),
]
MAX_MB = 300


def peak_mb(pid: int) -> float:
    """Return the peak memory of the process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0  # a process that has just ended has none


@pytest.mark.parametrize(
    ("kind", "faults", "file_kb", "requests"),
    [
        ("download", [], 3000, 80),
        ("download", ["huge:mb=20"], 0, 100),
        ("download", ["endless"], 0, 60),
        ("download", ["bomb:50%"], 0, 300),
        ("list", ["json-huge:mb=20"], 0, 60),
        ("list", ["bomb:50%"], 0, 120),
        ("list", ["endless"], 0, 60),
        ("list", ["json-deep:50%"], 0, 250),
    ],
)
def test_a_worker_stays_small_whatever_the_site_serves(
    tool: Tool, kind: str, faults: list[str], file_kb: int, requests: int
) -> None:
    # Half of the answers, where many are needed: if all were wrong, the worker would pause for an outage.
    with running_site(tracks=260, replays=2, plain=True, file_kb=file_kb) as site:
        tool("--site", site.url, "sync-tracks")
        if kind == "download":
            tool("work", "--kind", "list")
        site.clear_log()
        site.set_faults(faults)
        with tool.started("work", "--kind", kind, "--n", 256, "--max-attempts", 1000) as process:
            most, deadline = 0.0, time.monotonic() + 600
            while process.poll() is None and site.stats()["requests"] < requests:
                assert time.monotonic() < deadline
                most = max(most, peak_mb(process.pid))
                time.sleep(0.05)
    assert 40 < most < MAX_MB
