"""A folder in the place of a file of the data folder, or a file in the place of a folder, fails its row only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.tool import Tool, tool
from tmxdb_sandbox import RunningSite, running_site

__all__ = ["tool"]


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(tracks=4, replays=2, plain=True) as running:
        yield running


@pytest.mark.parametrize("maps", ["replay", "site"])
def test_the_row_fails_and_the_others_are_done(tool: Tool, site: RunningSite, maps: str) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    first, second, *others = tool.column("select track_id from tracks order by track_id")
    data = tool.folder / "data"
    (data / "tracks" / f"{first}.Challenge.Gbx").mkdir(parents=True)
    (data / "replays").mkdir()
    (data / "replays" / str(second)).write_bytes(b"the user's")
    ran = tool("run", "--from", maps, ends=3)
    assert "Traceback" not in ran.err
    assert tool.rows("select track_id, status, error_code from maps where status <> 'done' order by 1")[0] == {
        "track_id": first, "status": "failed", "error_code": "disk.not_a_file",
    }  # fmt: skip
    assert set(tool.column("select error_code from replays where track_id = ?", second)) == {"disk.not_a_file"}
    undisturbed = f"track_id in ({first}, {', '.join(map(str, others))})"
    assert tool.column(f"select distinct status from replays where {undisturbed}") == ["done"]
    said = tool.one("select error from maps where track_id = ?", first)
    assert said.endswith(".Gbx: a folder is in the place of this file. Move it elsewhere, then try again.")
    assert "tmxdb retry --kind extract --code disk.not_a_file" in tool("errors").out
    (data / "replays" / str(second)).unlink()
    shutil.rmtree(data / "tracks" / f"{first}.Challenge.Gbx")
    tool("retry")
    tool("run")
    assert tool.column("select distinct status from maps union select distinct status from replays") == ["done"]
