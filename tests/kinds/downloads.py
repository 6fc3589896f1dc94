"""What tests of the `download` kind look at: requests for files, and files compared with those of the site."""

from __future__ import annotations

import hashlib

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

DOWNLOAD = ("work", "--kind", "download")


def fetched(site: RunningSite) -> list[str]:
    return [line["path"] for line in site.log() if "recordgbx" in line["path"]]


def wanted(site: RunningSite) -> dict[int, dict[str, object]]:
    return {row["replay_id"]: row for track_id in site.track_ids() for row in site.leaderboard(track_id)}


def is_right(tool: Tool, site: RunningSite) -> None:
    """Every replay is done, its file is what the site has, and its row says so."""
    for row in tool.rows("select * from replays"):
        right = site.expected_replay(row["replay_id"])
        assert row["status"] == "done"
        assert (tool.folder / "data" / row["file_path"]).read_bytes() == right
        assert row["file_bytes"] == len(right)
        assert row["sha256"] == hashlib.sha256(right).hexdigest()
        assert row["error_code"] is None


def leftovers(tool: Tool) -> list[str]:
    return [name for name in tool.files() if "/.partial/" in name]
