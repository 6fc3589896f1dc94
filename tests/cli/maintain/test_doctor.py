"""`tmxdb doctor`: every fault that it can find is found, with a command that exists, and nothing else is."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.output.terminal import Terminal
from tests.rows import Rows
from tests.tool import Tool
from tmxdb.cli.program import COMMANDS, tmxdb
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.storage import Storage
from tmxdb.tmx.http.settings import CERTIFICATE_VARIABLES
from tmxdb.upkeep.doctor import CHECKS, examine
from tmxdb.upkeep.doctor.finding import DoctorFinding, Examined
from tmxdb.upkeep.doctor.site_checks import clock_against
from tmxdb_sandbox import RunningSite

HOUR_MS = 3_600_000


def findings(tool: Tool, *arguments: object, ends: int | None = 0) -> dict[str, list[dict[str, Any]]]:
    """What the doctor finds, by check, without what is as it should be. Every cure is a command that exists."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CHECKS}
    for finding in tool(*arguments, "doctor", "--json", ends=ends).json:
        assert set(finding) == {"check", "level", "found", "cure"}
        if finding["cure"] is not None:
            assert_is_command(finding["cure"])
        if finding["level"] != "ok":
            found[finding["check"]].append(finding)
    return found


def assert_is_command(cure: str) -> None:
    words = shlex.split(cure)
    if words[0] != "tmxdb":
        return
    name = next(word for word in words[1:] if word in COMMANDS)
    assert tmxdb.get_command(click.Context(tmxdb), name) is not None


def test_a_healthy_database_has_no_problem(done: Tool, site: RunningSite) -> None:
    done.change("delete from settings where key = 'site'")
    found = findings(done, "--site", site.url)
    assert [finding["level"] for name in found for finding in found[name] if name not in ("failures", "game")] == []
    retry = "tmxdb retry --kind download --code"
    assert {finding["cure"] for finding in found["failures"]} == {f"{retry} gbx.not_gbx", f"{retry} tmx.unavailable"}


def test_nothing_is_changed_and_no_file_is_created(tool: Tool, site: RunningSite) -> None:
    found = findings(tool, "--site", site.url, ends=3)
    assert [finding["cure"] for finding in found["database"]] == ["tmxdb migrate"]
    assert tool.files() == set()
    assert len(site.log()) == 1


def test_each_fault_of_a_database_is_found(done: Tool, site: RunningSite) -> None:
    done("pause", "capture", "--reason", "holidays")
    later = iso(wall_clock() + HOUR_MS)
    worker = ("w-1", "elsewhere", "m", 1, 1, "list", 1, later, later, later)
    columns = "worker_id, host, machine, pid, process_started_ms, kinds, n, started_at, heartbeat_at, lease_until"
    done.change(f"insert into workers ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *worker)
    this = done.one("select value from settings where key = 'database_id'")
    assert this
    done.change("insert into settings values ('verify', '{}')")
    done.change("update rate_limit set paused_until_ms = ?, reason = 'slow down'", wall_clock() + HOUR_MS)
    (done.folder / "data").rename(done.folder / "elsewhere")
    found = findings(done, ends=3)
    assert [finding["cure"] for finding in found["paused kinds"]] == ["tmxdb resume capture"]
    assert [finding["cure"] for finding in found["verify"]] == ["tmxdb verify"]
    assert [finding["cure"] for finding in found["data folder"]] == ["tmxdb --data FOLDER verify"]
    assert "behind that of a worker of this database" in found["clock"][0]["found"]
    assert "slow down" in found["pause"][0]["found"]


def test_a_dead_worker_of_this_machine_is_found(done: Tool, site: RunningSite) -> None:
    from tmxdb.queue.worker_registry import new_identity, register

    identity = new_identity()
    database = Database(str(done.folder / "tmx.db"))
    with database.write() as connection:
        register(connection, identity, ["list"], 1, wall_clock())
    database.close()
    done.change("update workers set process_started_ms = process_started_ms - 100000")
    found = findings(done, ends=3)
    assert [finding["cure"] for finding in found["workers"]] == ["tmxdb release"]


def test_a_damaged_file_is_found_and_three_of_many_problems_are_shown(done: Tool) -> None:
    path = done.folder / "tmx.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "create table notes as with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)"
            " select hex(randomblob(100)) as text from n"
        )
        connection.execute("create index ix_notes on notes (text)")
        page = connection.execute("select rootpage from sqlite_master where name = 'ix_notes'").fetchone()[0]
        size = connection.execute("pragma page_size").fetchone()[0]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    data = bytearray(path.read_bytes())
    data[(page - 1) * size + 12 : page * size] = b"\x5a" * (size - 12)
    path.write_bytes(data)
    (finding,) = findings(done, ends=3)["integrity"]
    assert finding["level"] == "problem"
    start = r"the file is damaged: [^;*\n]+; [^;*\n]+; [^;*\n]+; and \d+ more"
    assert re.fullmatch(start, finding["found"]), finding["found"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals of POSIX")
@pytest.mark.parametrize("width", [40, 80])
def test_no_finding_is_wider_than_the_terminal(done: Tool, width: int) -> None:
    with Terminal(["doctor", "--offline"], done.folder, width, 24, {"NO_COLOR": "1"}) as terminal:
        lines = terminal.rest().replace("\r", "").splitlines()
    cures = [line for line in lines if line.lstrip().startswith("tmxdb ")]
    assert len(cures) < len(lines) / 2
    assert max(len(line) for line in lines if line not in cures) <= width


def test_a_site_that_does_not_answer_and_stale_settings_are_found(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, site: RunningSite
) -> None:
    tool("migrate")
    monkeypatch.setenv("TMXDB_DATABASE", "x.db")
    for name in CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "missing.pem")
    (tool.folder / ".env").write_text("TMXDB_CONTACTS=me\n")
    found = findings(tool, "--site", "http://127.0.0.1:9", ends=3)
    assert "TMXDB_DATABASE is not one of tmxdb's; did you mean TMXDB_DATA?" in found["settings"][0]["found"]
    assert found["settings"][1]["found"] == ".env names variables that tmxdb does not read: TMXDB_CONTACTS"
    assert "SSL_CERT_FILE names 'missing.pem'" in found["certificates"][0]["found"]
    assert found["certificates"][0]["cure"] == "unset SSL_CERT_FILE, or correct it"
    monkeypatch.delenv("SSL_CERT_FILE")
    away = findings(tool, "--site", "http://127.0.0.1:9", ends=3)["site"][0]
    assert "does not answer as an exchange does" in away["found"]
    assert away["cure"] == "tmxdb sandbox --port 9"


def test_a_site_that_is_away_comes_with_a_step_that_helps(tool: Tool, site: RunningSite) -> None:
    """The proxy of this machine is away, which looks the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("http_proxy", "http://127.0.0.1:9")
        away = findings(tool, "--site", "http://exchange.invalid", "--contact", "me@example.org", ends=3)["site"][0]
    assert away["level"] == "problem"
    assert away["cure"].startswith("open http://exchange.invalid in a browser: if it answers there, check the proxy;")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_variable_of_a_proxy_that_cannot_be_used_is_named(
    done: Tool, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "ftp://proxy:21")
    (found,) = findings(done, ends=3)["certificates"]
    assert "is not the address of a proxy" in found["found"]
    stored = next(name for name, value in os.environ.items() if value == "ftp://proxy:21")  # Windows: in capitals
    assert found["cure"] == f"unset {stored}, or correct it"


def test_every_check_reads_a_server_too(tool: Tool, postgresql: Database) -> None:
    rows = Rows(postgresql)
    rows.track(1, "done")
    rows.replay(11, "done")
    rows.replay(12, "failed")
    rows.capture(1, 11)
    found = findings(tool, "--db", postgresql.location, ends=None)
    assert [finding["cure"] for finding in found["failures"]] == ["tmxdb retry --kind download --code gbx.lzo"]
    assert "but the database lists 1 downloaded replay" in found["data folder"][0]["found"]
    assert not any("this check failed" in finding["found"] for name in found for finding in found[name])


def test_an_older_database_and_another_site_are_findings_not_errors(done: Tool, site: RunningSite) -> None:
    assert findings(done, "--site", "tmuf", ends=3)["site"][0]["level"] == "note"
    done.change("update alembic_version set version_num = '0003'")
    assert [finding["cure"] for finding in findings(done, ends=3)["database"]] == ["tmxdb migrate"]


def test_no_check_raises(done: Tool) -> None:
    def broken(_: Examined) -> Iterator[DoctorFinding]:
        raise ValueError("a bug\nin two lines")

    storage = Storage(done.folder / "data")
    examined = Examined("tmx.db", None, None, storage, None, None, 0)
    (finding,) = examine(examined, {"broken": broken})
    assert (finding.level, finding.found) == ("problem", "this check failed: a bug in two lines")
    assert len([*examine(examined)]) >= len(CHECKS)


@pytest.mark.parametrize(("here_s", "words"), [(1000, ""), (1059, ""), (1061, "ahead of"), (939, "behind")])
def test_a_clock_may_be_a_minute_wrong(here_s: float, words: str) -> None:
    found = [finding.found for finding in clock_against(1000, here_s, "the site")]
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


def test_a_clock_is_compared_with_that_of_the_server(postgresql: Database, tmp_path: Path) -> None:
    reader, storage = Reader(postgresql.location), Storage(tmp_path)
    here_ms = wall_clock() + HOUR_MS
    examined = Examined(postgresql.location, reader, None, storage, None, None, here_ms)
    (finding,) = examine(examined, {"clock": CHECKS["clock"]})
    reader.close()
    assert "ahead of that of the server of this database" in finding.found


def test_the_text_names_each_check_and_its_fix(tool: Tool) -> None:
    ran = tool("doctor", "--offline", ends=3)
    assert all(f" {name} " in ran.out for name in CHECKS)
    assert "tmxdb migrate" in ran.out
    assert ran.err == "1 problem, 0 warnings.\n"
