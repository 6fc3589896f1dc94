"""Run every query of docs/how-to/sql-cookbook.md against a sandbox, and write the answers below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tmxdb_sandbox import running_site

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "sql-cookbook.md"
SANDBOX = {"tracks": 40, "replays": 8, "seed": 7}
"""What the page says of its data: a sandbox is the same for the same settings."""

_ANSWERED = re.compile(r"(```sql\n(?P<query>.*?)```\n)(\n```text\n(?P<answer>.*?)```\n)?", re.S)


def fill(folder: Path) -> None:
    """Mirror the sandbox into `tmx.db` in `folder`."""
    with running_site(**SANDBOX) as site:
        for command in (["sync-tracks", "--site", site.url], ["run", "--n", "8"]):
            tmxdb(command, folder)


def answered(page: str, folder: Path) -> str:
    """Return `page` with the answer of `tmx.db` in `folder` below each query."""

    def answer(match: re.Match[str]) -> str:
        output = tmxdb(["query", match["query"].strip()], folder)
        lines = [line.rstrip() for line in output.splitlines()]
        return match[1] + "\n```text\n" + "\n".join(lines) + "\n```\n"

    return _ANSWERED.sub(answer, page)


def tmxdb(command: list[str], folder: Path) -> str:
    """Return what `tmxdb COMMAND` prints on stdout when it runs in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TMXDB_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment["PYTHONUTF8"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "tmxdb", *command],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout


def generated() -> str:
    """Return the page as it should be now."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        return answered(PAGE.read_text("utf-8"), Path(folder))
