"""An adoption that is killed at any moment is continued by the next one: nothing twice, nothing half, nothing lost."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.adoption.conftest import OldFolder
from tests.tool import Tool
from tmxdb_sandbox import RunningSite

STOPS = """
import os, signal, sys
import tmxdb.adoption.{module} as module
real, n = module.{function}, int(sys.argv.pop(1))

def counting(*arguments, **options):
    global n
    n -= 1
    if n < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)

module.{function} = counting
from tmxdb.cli import main
main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("module", "function", "after"),
    [
        pytest.param("adopt", "place", 0, marks=pytest.mark.slow),
        pytest.param("adopt", "place", 17, marks=pytest.mark.slow),
        ("adopt", "store", 0),
    ],
)
def test_a_killed_adoption_is_continued(
    tool: Tool, site: RunningSite, old: OldFolder, module: str, function: str, after: int
) -> None:
    script = STOPS.format(module=module, function=function)
    ran = subprocess.run(
        [sys.executable, "-c", script, str(after), "--site", site.url, "adopt", str(old.replays), "--processes", "1"],
        cwd=tool.folder, env=tool.environment(), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == -signal.SIGKILL
    assert tool.one("select count(*) from replays where status = 'done'") == 0
    found = tool("adopt", old.replays, "--json", ends=3).json
    assert (found["matched"], found["unknown"], found["damaged"], found["duplicate"]) == (26, 20, 10, 5)
    assert tool.column("select replay_id from replays where replay_id < 0 order by 1 desc") == [*range(-1, -21, -1)]
    files = {path.relative_to(tool.folder / "data").as_posix() for path in (tool.folder / "data").rglob("*.Gbx")}
    assert {path for path in files if ".partial" not in path} == set(tool.column("select file_path from replays"))
    tool("verify", "--hash", "--repair")  # deletes temporary files of the one that was killed
    assert {path.name for path in (tool.folder / "data").glob("*/.partial/*")} == set()
