"""The card and the sums of folders with a file for each track or replay: `export vcp`, `gbx line`, `gbx inputs`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.export.test_centerlines import mirrored
from tests.gbx.made import a_replay
from tests.names import name_not_utf8
from tests.tool import Tool, tool
from tmxdb.export.hub_card import read_sums, sums_text
from tmxdb.storage.hashing_file import file_sha256

__all__ = ["mirrored", "tool"]

yaml = needs.module("yaml")


@pytest.fixture
def replays(tool: Tool) -> Tool:
    for name, data in (("a", a_replay()), ("b/a", a_replay()), ("b/bad", b"damaged")):
        path = tool.folder / f"replays/{name}.Replay.Gbx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tool


def check_sums(out: Path) -> set[str]:
    """Check that each sum is that of its file. Return the paths."""
    sums = read_sums((out / "SHA256SUMS").read_bytes())
    assert all(file_sha256(out / path) == sha256 for path, sha256 in sums.items())
    return set(sums)


def front_matter(out: Path) -> dict[str, object]:
    head: dict[str, object] = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    return head


def test_centre_lines_have_a_card_and_sums(mirrored: Tool) -> None:
    (mirrored.folder / "data/replays/2/21.Replay.Gbx").write_bytes(b"damaged")
    mirrored("export", "vcp", "vcp", ends=3)
    out = mirrored.folder / "vcp"
    assert check_sums(out) == {"1_0.5m_cl.npy"}
    card = (out / "README.md").read_text()
    assert "tracks whose replay has no usable line: 1 (2)" in card
    assert "distance between points: 0.5 m" in card
    assert "Files: 1." in card
    assert front_matter(out)["size_categories"] == ["n<1K"]
    (mirrored.folder / "data/replays/2/21.Replay.Gbx").write_bytes(a_replay())
    mirrored("export", "vcp", "vcp")
    assert check_sums(out) == {"1_0.5m_cl.npy", "2_0.5m_cl.npy"}
    assert "Files: 2." in (out / "README.md").read_text()
    assert "2 files checked, 0 problems." in mirrored("export", "--check", "vcp").err
    (out / "1_0.5m_cl.npy").write_bytes(b"")
    assert "1_0.5m_cl.npy: its content has changed." in mirrored("export", "--check", "vcp", ends=3).err


def test_files_of_an_interrupted_call_are_added_to_the_sums(mirrored: Tool) -> None:
    mirrored("export", "vcp", "vcp")
    out = mirrored.folder / "vcp"
    (out / "SHA256SUMS").unlink()
    (out / "1_0.5m_cl.npy").unlink()
    mirrored("export", "vcp", "vcp")
    assert check_sums(out) == {"1_0.5m_cl.npy", "2_0.5m_cl.npy"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("README.md", "mine\n", "README.md was changed"), ("SHA256SUMS", "mine\n", "SHA256SUMS has other lines")],
)
def test_a_file_of_the_user_is_kept(mirrored: Tool, name: str, text: str, said: str) -> None:
    out = mirrored.folder / "vcp"
    out.mkdir()
    (out / name).write_text(text)
    assert said in mirrored("export", "vcp", "vcp").err
    assert (out / name).read_text() == text


def test_a_card_that_was_changed_is_kept(mirrored: Tool) -> None:
    mirrored("export", "vcp", "vcp")
    card = mirrored.folder / "vcp/README.md"
    card.write_text(card.read_text().replace("# Centre lines", "# My lines"))
    assert "was changed" in mirrored("export", "vcp", "vcp", "--force").err
    assert "# My lines" in card.read_text()
    mirrored("export", "--check", "vcp")


def test_lines_and_inputs_have_a_card_and_sums(replays: Tool) -> None:
    replays("gbx", "inputs", "replays", "--as", "actions", "--step-ms", 50, "-o", "out", ends=3)
    out = replays.folder / "out"
    assert check_sums(out) == {"a.actions.json", "b/a.actions.json"}
    card = (out / "README.md").read_text()
    assert "step: 50 ms" in card
    assert "no content of this kind: 1" in card
    replays("gbx", "line", "replays", "--as", "csv", "-o", "out", ends=3)
    assert len(check_sums(out)) == 4
    assert "4 files checked, 0 problems." in replays("export", "--check", "out").err
    assert "Files: 4." in (out / "README.md").read_text()
    (out / "a.line.csv").unlink()
    assert "a.line.csv: missing." in replays("export", "--check", "out", ends=3).err


def test_one_file_has_no_card(replays: Tool) -> None:
    before = set(replays.files())
    replays("gbx", "line", "replays/a.Replay.Gbx", "-o", "a.csv")
    assert set(replays.files()) - before == {"a.csv"}


def test_files_whose_names_are_not_utf8_have_a_card_and_sums(replays: Tool) -> None:
    name = name_not_utf8(replays.folder)
    (replays.folder / "replays" / f"{name}.Replay.Gbx").write_bytes(a_replay())
    (replays.folder / "replays" / "b" / "bad.Replay.Gbx").unlink()
    replays("gbx", "line", "replays", "-o", "out")
    out = replays.folder / "out"
    assert check_sums(out) == {"a.line.csv", "b/a.line.csv", f"{name}.line.csv"}
    assert "3 files checked, 0 problems." in replays("export", "--check", "out").err
    replays("gbx", "inputs", "replays", "--as", "script", "-o", "out")
    assert "6 files checked, 0 problems." in replays("export", "--check", "out").err


@pytest.mark.skipif(os.name == "nt", reason="names of files have no control characters on Windows")
def test_sums_of_odd_names_are_those_that_sha256sum_reads(tmp_path: Path) -> None:
    names = {"plain", "line\nbreak", "back\\slash", "carriage\rreturn", "next\x85line", name_not_utf8(tmp_path)}
    for name in names:
        (tmp_path / name).write_bytes(name.encode("utf-8", "replace"))
    text = sums_text({name: file_sha256(tmp_path / name) for name in names})
    assert read_sums(text) == {name: file_sha256(tmp_path / name) for name in names}
    (tmp_path / "SHA256SUMS").write_bytes(text)
    command = [needs.program("sha256sum"), "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=tmp_path, check=True)
