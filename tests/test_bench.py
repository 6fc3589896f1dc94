"""Benchmarks measure what their columns say, and a failure ends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import all as every
from bench import extract, files
from bench.gbx import write_sandbox_replays

BENCH = Path(every.__file__).parent


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
