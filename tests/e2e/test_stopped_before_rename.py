"""A worker stopped between checking its claim and renaming its file replaces nothing of the one that took over."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb_sandbox import running_site

STOPS_ITSELF = """
import signal, threading
from pathlib import Path
from tmxdb.cli import main
from tmxdb.storage import durable

def stopping(source, target):
    Path(source).write_bytes(b"another file")
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    replace(source, target)

replace, durable.replace = durable.replace, stopping
main()
"""
STOPS_EARLIER = """
import signal, threading
from tmxdb.cli import main
from tmxdb.storage import NewFile

def stopping(file):
    file._parts[:] = [b"another file"]
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    write_out(file)

write_out, NewFile.write_out = NewFile.write_out, stopping
main()
"""


@pytest.mark.parametrize("when", ["before both", "between"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that stops a process")
def test_the_row_and_the_file_stay_those_of_the_worker_that_took_over(tool: Tool, when: str) -> None:
    with running_site(tracks=1, replays=3, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("work", "--kind", "list")
        _stop_and_take_over(tool, STOPS_ITSELF if when == "between" else STOPS_EARLIER)
    assert {(row["status"], row["attempts"]) for row in tool.rows("select * from replays")} == {("done", 1)}
    for row in tool.rows("select file_path, sha256 from replays"):
        assert hashlib.sha256(Path("data", row["file_path"]).read_bytes()).hexdigest() == row["sha256"]


def _stop_and_take_over(tool: Tool, program: str) -> None:
    command = [sys.executable, "-c", program, "work", "--kind", "download", "--n", "1", "--limit", "1"]
    with subprocess.Popen(command, cwd=tool.folder, env=tool.environment(), stderr=subprocess.PIPE) as late:
        try:
            os.waitid(os.P_PID, late.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert late.poll() is None
            tool("release", "--all")
            first = tool("work", "--kind", "download", "--no-wait", ends=None)
            waiting = tool.column("select error from replays where status <> 'done'")
            assert len(waiting) == (program == STOPS_ITSELF)
            assert all("is about to publish this file" in error for error in waiting)
            late.send_signal(signal.SIGCONT)
            _, err = late.communicate(timeout=300)
        finally:
            late.kill()
    assert (first.status, late.returncode) == (0, 0)
    # It may find out at its heartbeat, by its check of the claim or when it settles the row.
    assert b"\n0 done, 0 skipped, 0 failed" in err, err
    tool("work", "--kind", "download")
