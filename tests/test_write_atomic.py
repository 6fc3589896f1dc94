"""A single file of tmxdb's own: complete, or not written at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmxdb.errors import DiskError
from tmxdb.storage import write_atomic


def test_a_bare_name_is_written_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomic(Path("bare.png"), b"data", instead="choose another")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"bare.png": b"data"}


def test_a_missing_folder_is_named_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="nowhere"):
        write_atomic(tmp_path / "nowhere" / "x.png", b"data", instead="choose another")
    assert list(tmp_path.iterdir()) == []
