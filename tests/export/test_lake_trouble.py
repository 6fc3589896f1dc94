"""Lakes whose records come from anyone, and exports that were interrupted between two files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.export.test_lake import mirror, tool
from tests.tool import Tool
from tmxdb.errors import DiskError

__all__ = ["mirror", "tool"]


def test_a_lake_of_anyone_names_no_file_outside_of_it(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--table", "tracks", "--processes", 1)
    victim = mirror.folder / "victim" / "thesis.txt"
    victim.parent.mkdir()
    victim.write_text("mine")
    records = mirror.folder / "lake" / "lake.files.jsonl"
    line = json.loads(records.read_text().splitlines()[0])
    for file in ("tracks/../../victim/thesis.txt", "../victim/thesis.txt", str(victim), "replays/x", 5):
        with records.open("a") as out:
            out.write(json.dumps(line | {"file": file}) + "\n")
    mirror("export", "lake", "lake", "--table", "tracks", "--since-last", "--processes", 1)
    assert victim.read_text() == "mine"
    assert "0 problems" in mirror("export", "--check", "lake").err
    state = mirror.folder / "lake" / "lake.json"
    state.write_text(state.read_text().replace('"round": 2', '"round": "x"'))
    assert "cannot be read" in mirror("export", "lake", "lake", "--table", "tracks", "--since-last", ends=1).error


def test_a_card_of_an_interrupted_export_is_not_one_that_a_user_changed(
    mirror: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tmxdb.export.lake import export

    mirror("export", "lake", "lake", "--table", "tracks", "--processes", 1)
    real = export.write_atomic

    def full(target: Path, data: bytes, **options: Any) -> None:
        if target.name == "SHA256SUMS":
            raise DiskError("the disk is full.", code="disk.full")
        real(target, data, **options)

    with monkeypatch.context() as patch:
        patch.setattr(export, "write_atomic", full)
        mirror("export", "lake", "lake", "--table", "replays", "--processes", 1, ends=1)
    said = mirror("export", "lake", "lake", "--table", "replays", "--processes", 1).err
    assert "changed by hand" not in said
    assert "0 problems" in mirror("export", "--check", "lake").err


@pytest.mark.parametrize("words", [("lake", "--processes", "1"), ("frames",)])
def test_an_export_killed_at_its_first_file_continues(mirror: Tool, words: tuple[str, ...]) -> None:
    kind, *more = words
    (mirror.folder / "out").mkdir()
    (mirror.folder / "out" / {"lake": "lake.json.partial", "frames": "export.json.partial"}[kind]).write_bytes(b"{")
    assert "is not empty" not in mirror("export", kind, "out", *more, ends=None).err
