"""A single file of the user's: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmxdb.errors import DiskTrouble
from tmxdb.storage import write_whole


def test_a_bare_name_is_a_file_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole(Path("bare.png"), b"data", instead="choose another")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"bare.png": b"data"}


def test_a_folder_that_is_not_there_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DiskTrouble, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "x.png", b"data", instead="choose another")
    assert list(tmp_path.iterdir()) == []
