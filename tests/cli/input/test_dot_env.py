"""The file `.env`: which settings it can make, in which encodings, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb.cli.framework.dotenv_file import MAX_BYTES, read_dot_env
from tmxdb.errors import InvalidInput

CASE = Path(__file__).resolve().parents[4] / "shared" / "cases" / "05_env_utf16.env"


def _read(folder: Path, data: bytes, **environment: str) -> dict[str, str]:
    (folder / ".env").write_bytes(data)
    read_dot_env(folder, environment)
    return environment


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_settings_are_read_in_every_encoding_that_editors_write(tmp_path: Path, encoding: str) -> None:
    text = "BASE_TMI_PORT=8500\r\nTMXDB_CONTACT=jürgen@example.org\r\n"
    assert _read(tmp_path, text.encode(encoding)) == {
        "BASE_TMI_PORT": "8500",
        "TMXDB_CONTACT": "jürgen@example.org",
    }


@pytest.mark.skipif(not CASE.is_file(), reason="no shared cases")
def test_the_file_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, CASE.read_bytes()) == {"BASE_TMI_PORT": "8500"}


def test_only_settings_of_tmxdb_are_taken(tmp_path: Path) -> None:
    data = b"PYTHONPATH=/tmp/evil\nhttp_proxy=http://evil\nLD_PRELOAD=x\nTMXDB_N=64\nTMXDB_DB=a.db\n"
    (tmp_path / ".env").write_bytes(data)
    environment: dict[str, str] = {}
    found = read_dot_env(tmp_path, environment)
    assert environment == {"TMXDB_DB": "a.db"}
    assert found is not None
    assert found.used == ("TMXDB_DB",)
    assert found.ignored == ("LD_PRELOAD", "PYTHONPATH", "TMXDB_N", "http_proxy")


def test_the_environment_counts_more_than_the_file(tmp_path: Path) -> None:
    assert _read(tmp_path, b"TMXDB_DB=a.db\n", TMXDB_DB="b.db") == {"TMXDB_DB": "b.db"}


def test_the_environment_counts_more_than_the_file_under_each_name_of_an_option(tmp_path: Path) -> None:
    assert _read(tmp_path, b"TMXDB_BASE_TMI_PORT=8500\n", BASE_TMI_PORT="8600") == {"BASE_TMI_PORT": "8600"}
    both = b"TMXDB_BASE_TMI_PORT=8500\nBASE_TMI_PORT=8501\n"
    assert _read(tmp_path, both) == {"TMXDB_BASE_TMI_PORT": "8500", "BASE_TMI_PORT": "8501"}


def test_an_empty_variable_has_no_value_that_could_count_more_than_the_file(tmp_path: Path) -> None:
    assert _read(tmp_path, b"TMXDB_DB=a.db\n", TMXDB_DB="") == {"TMXDB_DB": "a.db"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"TMXDB_DB=a\0b\n" + b"x" * 300, "NUL"), (b"#" * (MAX_BYTES + 1), "larger than 1 MB")],
)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        _read(tmp_path, data)


def test_damaged_and_binary_files_set_nothing(tmp_path: Path) -> None:
    assert _read(tmp_path, bytes(range(256)) * 4) == {}
    assert _read(tmp_path, b"\xff\xfe\0") == {}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"TMXDB_DB=a.db\n")
    (tmp_path / ".env").chmod(0)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_dot_env(tmp_path, {})


def test_a_folder_called_dot_env_is_not_a_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert read_dot_env(tmp_path, {}) is None


def test_v_says_which_file_was_read_and_what_was_ignored(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMXDB_DB", "x")  # so that it is restored after the test
    monkeypatch.delenv("TMXDB_DB")
    (tool.folder / ".env").write_text("TMXDB_DB=a.db\nPYTHONPATH=x\n")
    err = tool("-v", "migrate").err
    assert "Read settings from .env: TMXDB_DB; ignored PYTHONPATH." in err
    monkeypatch.delenv("TMXDB_DB")
    assert "Read settings" not in tool("migrate").err
    assert tool.files() == {".env", "a.db"}
