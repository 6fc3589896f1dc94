"""Benchmarks measure what their columns say, and a failure ends them."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from bench import all as every
from bench import extract, faults, files, startup
from bench.gbx import write_sandbox_replays

BENCH = Path(every.__file__).parent


def test_bench_all_runs_every_benchmark() -> None:
    names = {path.stem for path in BENCH.glob("*.py") if not path.stem.startswith("_")}
    assert {name for name, *_ in every.QUICK} == names - {"all"}


def test_bench_all_skips_what_is_not_installed_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(every, "QUICK", [one for one in every.QUICK if one[0] in ("lerobot", "rulka")])
    monkeypatch.setattr(sys, "argv", ["all", "--quick"])
    with pytest.raises(SystemExit) as ended:
        every.main()
    assert not ended.value.code
    assert "skipped: say where it is installed with --rulka, see bench/rulka.py" in capsys.readouterr().out


def test_the_baseline_of_extract_writes_new_files_in_each_round(tmp_path: Path) -> None:
    replays = tmp_path / "data" / "replays" / "1"
    replays.mkdir(parents=True)
    write_sandbox_replays(replays, 1)
    for _ in range(2):
        extract._baseline(tmp_path)
    assert len(list(tmp_path.glob("baseline*/*.Gbx"))) == 2


def test_the_baseline_of_files_reads_its_files(tmp_path: Path) -> None:
    write_sandbox_replays(tmp_path, 1)
    (file,) = tmp_path.iterdir()
    assert files.baseline([file])[0] > 0
    file.unlink()
    with pytest.raises(FileNotFoundError):
        files.baseline([file])


def test_a_round_of_bench_files_finds_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    first, second = (files._database(tmp_path / name) for name in "ab")
    assert first[3] == str(tmp_path / "a" / "data")
    assert not set(first[1::2]) & set(second[1::2])


@pytest.mark.slow
def test_an_export_of_a_lake_counts_only_what_it_wrote(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lake = pytest.importorskip("bench.lake", exc_type=ImportError)  # Windows has no `resource`
    lake.fill(tmp_path / "tmx.db", 200, 1)
    lake.give_files(tmp_path, 0)
    written = []
    for change, options in ((False, []), (False, ["--since-last"]), (True, ["--since-last"])):
        if change:
            with sqlite3.connect(tmp_path / "tmx.db") as connection:
                connection.execute("update replays set user_name = 'bob' where replay_id = 1")
        lake.measure(str(tmp_path), *options)
        written.append(json.loads(capfd.readouterr().out.splitlines()[-1])["mb"])
    everything, nothing, some = written
    assert nothing < some < everything


def test_a_command_that_fails_has_no_time(tmp_path: Path) -> None:
    environment = dict(os.environ)
    program = ["-c", "import sys; print('no such id', file=sys.stderr); sys.exit(1)"]
    with pytest.raises(SystemExit, match=r"ended with status 1: no such id"):
        startup.measured(program, environment, tmp_path)
    assert startup.measured(program, environment, tmp_path, status=1)[0] > 0


@pytest.mark.integration
def test_a_sync_that_always_fails_ends_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)failed 2 times, the last time with status 2:\n.*no-such-site"):
        faults.sync(tmp_path, "no-such-site", at_most=2)
