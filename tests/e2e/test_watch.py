"""`tmxdb watch` in real processes: killed in a round, in an outage of the site, and without its disk."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests import needs
from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite, running_site

STAY_CURRENT = Path(__file__).parents[2] / "docs" / "how-to" / "stay-current.md"


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=12, replays=2, plain=True) as site:
        yield site


def watched(tool: Tool) -> dict[str, object]:
    stored = tool.column("select value from settings where key = 'watch'")
    return json.loads(stored[0]) if stored else {}


def log(tool: Tool) -> str:
    file = tool.folder / "watch.log"
    return file.read_text("utf-8") if file.exists() else ""


def all_is_done(tool: Tool) -> None:
    for table in ("tracks", "replays", "maps"):
        assert tool.column(f"select distinct status from {table}") == ["done"]
    assert tool.one("select count(*) from replays") == 24
    assert "All is well." in tool("verify", "--hash").err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_a_watch_that_is_killed_in_a_round_does_it_again(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    tool("config", "set", "rate", "10")
    with tool.started("watch", "--every", "1d") as process:
        until(lambda: "tmxdb run " in log(tool) and tool.one("select count(*) from replays where status = 'done'"))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert watched(tool)["since_ms"] is None  # the round is due as before
    tool("config", "set", "rate", "0")
    tool("watch", "--once")
    assert watched(tool)["since_ms"] is not None
    tool("run")  # rows that the step of the killed watch may still hold
    all_is_done(tool)


@needs_ctrl_c
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "systemctl stop"])
def test_a_watch_that_is_stopped_lets_the_jobs_in_flight_finish(
    tool: Tool, site: RunningSite, signum: signal.Signals
) -> None:
    """The signal goes to the watch and to its step."""
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    tool("work", "--kind", "list")
    site.set_faults(["slow:s=2:first=1000"])
    with tool.started("watch", before=os.setsid) as process:
        until(lambda: tool.one("select count(*) from replays where status = 'running'") and site.stats()["in_flight"])
        os.killpg(process.pid, signum)
        assert process.wait(300) == 130
    assert {"done", "pending"} <= set(tool.column("select distinct status from replays"))
    assert "Traceback" not in log(tool)


@needs_ctrl_c
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "systemctl stop"])
def test_a_step_that_has_just_started_ends_in_good_order(tool: Tool, site: RunningSite, signum: signal.Signals) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    with tool.started("watch", before=os.setsid) as process:
        until(lambda: psutil.Process(process.pid).children())
        os.killpg(process.pid, signum)
        assert process.wait(300) == 130
    assert re.findall(r"ended with exit status (.*)\.", log(tool)) == ["130"]
    assert "Traceback" not in log(tool)


def test_a_watch_survives_an_outage_of_the_site(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 12)
    tool("work", "--kind", "list")
    site.set_faults(["503"])
    before = site.stats()["requests"]
    with tool.started("watch", "--every", "1d", "--once") as process:
        until(lambda: site.stats()["requests"] >= before + 2)
        site.set_faults([])
        _, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
    assert watched(tool)["failures"] == 0
    all_is_done(tool)


def test_a_watch_waits_for_the_disk_of_its_database(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the database is away, as when a disk is unplugged, until the watch has seen it."""
    away, home = tool.folder / "away", tool.folder / "home"
    home.mkdir()
    tool("--db", "home/tmx.db", "--site", site.url, "sync-tracks", "--max-tracks", 1)
    rounds: list[str] = []

    def step(words: list[str], *_: object) -> int:
        rounds.append(words[0])
        if words[0] == "changes" and rounds.count("changes") == 1:
            home.rename(away)
            home.mkdir()
            return 1
        return 0

    def wait(seconds: float) -> None:
        shutil.rmtree(home)
        away.rename(home)

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._pause", lambda stop, seconds: wait(seconds))
    ran = tool("--db", "home/tmx.db", "watch", "--once", "--log", "watch.log", ends=0)
    assert "Trying again in" in ran.err
    assert rounds.count("changes") == 2  # the round that could not be recorded is done again


def test_the_units_of_the_documentation_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```(?:ini|text)\n(.*?)```", STAY_CURRENT.read_text("utf-8"), re.S)
    unit = next(block for block in blocks if block.startswith("[Unit]"))
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[method-assign,assignment]
    parsed.read_string(unit)
    line = next(block for block in blocks if "* * *" in block).strip()
    task = next(block for block in blocks if block.startswith("schtasks")).strip()
    commands = [parsed["Service"]["ExecStart"].partition("tmxdb ")[2]]
    minute, hour, day, month, weekday, command = line.split(maxsplit=5)
    assert (int(minute) < 60, int(hour) < 24, day, month, weekday) == (True, True, "*", "*", "*")
    assert "%" not in command  # cron reads it as the end of the command
    commands.append(command.rpartition("tmxdb --db")[1].removeprefix("tmxdb ") + command.rpartition("tmxdb --db")[2])
    words = shlex.split(task)
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert set(options) == {"/TN", "/SC", "/ST", "/TR"}
    assert len(options["/TR"]) <= 261  # the most that schtasks accepts
    commands.append("--db" + options["/TR"].rpartition("tmxdb --db")[2])
    for text in commands:
        ran = subprocess.run(
            [sys.executable, "-m", "tmxdb", *shlex.split(text)],
            cwd=tmp_path, env=Tool.environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert ran.returncode == 1, ran.stderr
        assert "no database at tmx.db" in ran.stderr  # every option was understood


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_systemd_accepts_the_unit_of_the_documentation(tmp_path: Path) -> None:
    unit = re.search(r"```ini\n(.*?)```", STAY_CURRENT.read_text("utf-8"), re.S)
    assert unit is not None
    # The program must exist for the check, and `%h` is the home of the user.
    text = unit[1].replace("%h/.local/bin/tmxdb", sys.executable).replace("%h/tmx", str(tmp_path))
    assert _remarks_of_systemd(tmp_path, text) == []
    assert _remarks_of_systemd(tmp_path, text.replace("Restart=", "Restarts=")) != []


def _remarks_of_systemd(folder: Path, unit: str) -> list[str]:
    """Return what `systemd-analyze verify` says about a unit, without its remarks on units of this machine."""
    file = folder / "tmxdb.service"
    file.write_text(unit)
    ran = subprocess.run(
        [needs.program("systemd-analyze"), "verify", "--user", str(file)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return [line for line in (ran.stdout + ran.stderr).splitlines() if "tmxdb.service" in line]
