"""Completion: the right words in each shell, quickly, and silence whatever is wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.cli.output.terminal import Terminal
from tests.tool import Tool
from tmxdb.cli.completion.shells import SHELLS, VARIABLE, script
from tmxdb.cli.program import COMMANDS, tmxdb


def words(tool: Tool, monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """Return the words that Fish is offered after `tmxdb` and `typed`, the last of which is incomplete."""
    monkeypatch.setenv("COMP_WORDS", " ".join(["tmxdb", *typed[:-1]]))
    monkeypatch.setenv("COMP_CWORD", typed[-1])
    monkeypatch.setenv(VARIABLE, "fish_complete")
    ran = tool()
    monkeypatch.delenv(VARIABLE)
    assert ran.err == ""
    lines = ran.out.splitlines()
    if lines and "," in lines[0]:
        return [line.partition(",")[2].partition("\t")[0] for line in lines]
    return [lines[i + 1] for i in range(0, len(lines) - 1, 3)]


@pytest.fixture
def full(done: Tool) -> Tool:
    """A database with two selections and a track whose name is hostile."""
    done("select", "best", "--where", "track_id > 0")
    done("select", "bent", "--where", "track_id > 0")
    done.change("update tracks set name = '\x1b[2J\nA01-Race' where track_id = (select min(track_id) from tracks)")
    return done


def test_commands_and_options(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words(tool, monkeypatch, "statu") == ["status"]
    assert set(words(tool, monkeypatch, "")) >= set(COMMANDS)
    assert "--all-replays" in words(tool, monkeypatch, "run", "--all")
    assert words(tool, monkeypatch, "work", "--kind", "ex") == ["extract"]
    assert words(tool, monkeypatch, "no-such-command", "x") == []


def test_ids_names_codes_and_selections(full: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    track_ids = full.column("select track_id from tracks order by 1")
    first = str(track_ids[0])
    assert words(full, monkeypatch, "retry", "--track-id", first) == [first]
    begins = words(full, monkeypatch, "retry", "--track-id", first[0])
    assert set(begins) == {str(key) for key in track_ids if str(key).startswith(first[0])}
    replay_id = str(full.one("select max(replay_id) from replays"))
    assert replay_id in words(full, monkeypatch, "plot", replay_id[:-1])
    name = full.one("select name from tracks where name glob '[A-Za-z]*' order by name limit 1")
    assert name in words(full, monkeypatch, "track", name[:2])
    assert words(full, monkeypatch, "status", "--only", "be") == ["bent", "best"]
    assert words(full, monkeypatch, "select", "--show", "be") == ["bent", "best"]
    assert words(full, monkeypatch, "schema", "record") == ["record_history", "records"]
    assert words(full, monkeypatch, "config", "se") == ["set"]
    assert words(full, monkeypatch, "config", "set", "r") == ["rate"]
    assert words(full, monkeypatch, "retry", "--code", "gbx.n") == ["gbx.not_gbx"]
    assert "tmx.gone" in words(full, monkeypatch, "--db", "missing.db", "retry", "--code", "tmx.g")


def test_ids_of_local_rows(full: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 12):
        full.change("insert into tracks (track_id, name, status) values (?, 'Local', 'pending')", -number)
        full.change("insert into replays (replay_id, track_id, status) values (?, ?, 'pending')", -number - 20, -number)
    assert sorted(words(full, monkeypatch, "retry", "--track-id", "l")) == ["local1", "local12", "local2"]
    assert sorted(words(full, monkeypatch, "track", "local1")) == ["local1", "local12"]
    assert words(full, monkeypatch, "track", "Loc")[:1] == ["Local"]
    assert sorted(words(full, monkeypatch, "plot", "local")) == ["local21", "local22", "local32"]
    full.change("delete from replays where replay_id > 0")
    assert len(words(full, monkeypatch, "plot", "")) == 3


def test_the_ids_that_show_takes_after_a_noun(full: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    replay_id = str(full.one("select max(replay_id) from replays"))
    assert words(full, monkeypatch, "show", "re") == ["replay"]
    assert words(full, monkeypatch, "show", replay_id) == [replay_id]
    assert words(full, monkeypatch, "show", "replay", replay_id) == [replay_id]
    assert words(full, monkeypatch, "show", "track", replay_id) == []
    assert words(full, monkeypatch, "show", "replay", "re") == []


def test_at_most_30_words_are_offered(full: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    track_id = full.one("select max(track_id) from tracks")
    for number in range(30):
        full.change("insert into tracks (track_id, status) values (?, 'pending')", 7_000_000 + number)
        full.change(
            "insert into replays (replay_id, track_id, status) values (?, ?, 'pending')", 7_000_100 + number, track_id
        )
    for typed in (("show", "7"), ("track", "7"), ("plot", "7")):
        assert len(words(full, monkeypatch, *typed)) == 30


def test_names_from_outside_stay_on_their_line(full: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_WORDS", "tmxdb retry --track-id")
    monkeypatch.setenv("COMP_CWORD", str(full.one("select min(track_id) from tracks")))
    monkeypatch.setenv(VARIABLE, "fish_complete")
    assert "\x1b" not in full().out


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000, None])
def test_nothing_is_printed_whatever_is_wrong(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is None:
        (tool.folder / "tmx.db").mkdir()
        (tool.folder / ".env").write_bytes(b"\xff\xfeTMXDB_DB=\0")
    else:
        (tool.folder / "tmx.db").write_bytes(content)
    assert words(tool, monkeypatch, "retry", "--track-id", "1") == []
    assert words(tool, monkeypatch, "status", "--only", "") == []
    for instruction in ("nonsense", "bash_complete", "perl_source", "fish_", "powershell_complete"):
        for name in ("COMP_WORDS", "COMP_CWORD", "_TMXDB_WORDS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(VARIABLE, instruction)
        assert tool().err == ""
        monkeypatch.delenv(VARIABLE)


def test_a_glance_ends_in_time(tmp_path: Path) -> None:
    import sqlite3

    from tmxdb.db.engines.glance import glance

    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("create table t (n)")
    connection.close()
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c where n < 0"
    assert glance(tmp_path / "a.db", endless, (), longest_s=0.05) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_without_anything_left_to_fill_in(tool: Tool, shell: str) -> None:
    text = tool("completion", shell).out
    assert text == script(shell, tmxdb)
    assert VARIABLE in text
    assert f"{shell}_complete" in text
    assert "%(" not in text


def test_the_script_for_powershell_has_matching_brackets_and_passes_the_words(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tool("completion", "powershell").out
    code = text.replace("'^[\\w.:/-]+$'", "''").replace('"\'"', "''")
    for opening, closing in ("{}", "()", "[]"):
        assert code.count(opening) == code.count(closing)
    assert text.startswith("Register-ArgumentCompleter -Native -CommandName tmxdb, tmxdb.exe -ScriptBlock {")
    monkeypatch.setenv("_TMXDB_WORDS", "tmxdb\nwork\n--kind")
    monkeypatch.setenv("_TMXDB_INCOMPLETE", "e")
    monkeypatch.setenv(VARIABLE, "powershell_complete")
    assert tool().out == "plain\textract\t\n"


OPTIONS = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}


def with_tmxdb_in_path(tool: Tool) -> dict[str, str]:
    """Return an environment in which shells find a command `tmxdb`."""
    folder = tool.folder / "bin"
    folder.mkdir()
    (folder / "tmxdb").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tmxdb "$@"\n')
    (folder / "tmxdb").chmod(stat.S_IRWXU)
    return {**tool.environment(), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def run_in(shell: str, text: str, tool: Tool) -> list[str]:
    """Run `text` in a real shell that finds a command `tmxdb`; return the lines that it prints."""
    ran = subprocess.run(
        [needs.program(shell), *OPTIONS[shell], "-c", text], cwd=tool.folder, env=with_tmxdb_in_path(tool),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    return ran.stdout.split()


def test_a_real_bash_completes(tool: Tool) -> None:
    text = (
        'eval "$(tmxdb completion bash)"; complete -p tmxdb > /dev/null;'
        ' COMP_WORDS=(tmxdb statu); COMP_CWORD=1; _tmxdb_completion tmxdb; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert run_in("bash", text, tool) == ["status"]


def test_a_real_fish_completes(tool: Tool) -> None:
    text = "tmxdb completion fish | source; complete -C 'tmxdb statu' | string split -f1 \\t"
    assert run_in("fish", text, tool) == ["status"]


def test_a_real_zsh_reads_the_script(tool: Tool) -> None:
    text = 'autoload -Uz compinit; compinit -u -D; eval "$(tmxdb completion zsh)"; print -r -- $_comps[tmxdb]'
    assert run_in("zsh", text, tool) == ["_tmxdb_completion"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals of POSIX")
@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_name_that_is_completed_runs_nothing(full: Tool, shell: str, quote: str) -> None:
    track_id = full.one("select max(track_id) from tracks")
    name = "zzq'; touch ran1; `touch ran2` $(touch ran3) !! \\ * #,"
    full.change("update tracks set name = ? where track_id = ?", name, track_id)
    program, environment = needs.program(shell), {**with_tmxdb_in_path(full), "PS1": "> ", "TERM": "dumb"}
    with Terminal(OPTIONS[shell], full.folder, 250, 24, environment, program=[program]) as terminal:
        if shell == "zsh":
            terminal.send("autoload -Uz compinit; compinit -u -D\n")
        terminal.send(f"eval \"$(tmxdb completion {shell})\"; echo re''ady\n")
        terminal.wait_for("ready")
        terminal.send(f"tmxdb track {quote}zzq\t")
        terminal.wait_for("ran3")
        terminal.send("\n")
        terminal.wait_for(f"({track_id}) by")  # the whole name was passed on
    assert not list(full.folder.glob("ran*"))
