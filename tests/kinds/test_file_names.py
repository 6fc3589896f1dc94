"""The names of downloaded files: chosen by a template, never by a name from the site."""

from __future__ import annotations

import re

import pytest

from tests.kinds.downloads import DOWNLOAD, is_right
from tests.tool import Tool
from tmxdb.errors import UsageError
from tmxdb.kinds.naming import NameTemplate
from tmxdb_sandbox import RunningSite, running_site


def test_hostile_user_names_cannot_choose_a_path(tool: Tool) -> None:
    with running_site(tracks=40, replays=8) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run", "--all-replays", "--n", 8)
        names = tool.column("select user_name from replays where user_name is not null")
        assert sum(not re.fullmatch(r"[A-Za-z0-9]+", name) for name in names) > 3
        paths = tool.column("select file_path from replays where status = 'done'")
        assert len(paths) > 100
        for path in paths:
            assert re.fullmatch(r"replays/\d+/\d+_[A-Za-z0-9._-]{1,41}_\d+ms\.Replay\.Gbx", path), path
        assert len(set(map(str.lower, paths))) == len(paths)
        assert {path.removeprefix("data/") for path in tool.files() if path.endswith(".Replay.Gbx")} == set(paths)


def test_the_name_template_names_the_files(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--name-template", "pos{position}.{replay_id}")
    for row in listed.rows("select * from replays"):
        name = f"pos{row['position'] + 1}.{row['replay_id']}.Replay.Gbx"
        assert row["file_path"] == f"replays/{row['track_id']}/{name}"
    is_right(listed, site)


@pytest.mark.parametrize(
    "template",
    ["{user}", "", "{replay_id}/{user}", "../{replay_id}", "{replay_id}{nope}", "{replay_id:>99}", "{replay_id!r}",
     "{replay_id", "{0}{replay_id}", "{replay_id} x", "{replay_id}\0", "ä{replay_id}", "{replay_id.__class__}",
     "{replay_id}{time_ms}", "{user}{replay_id}", "{user}7{replay_id}", "{replay_id}{replay_id}",
     "{user}_{replay_id}_{user}"],
)  # fmt: skip
def test_a_template_whose_names_could_collide_or_leave_the_folder_is_a_usage_error(tool: Tool, template: str) -> None:
    with pytest.raises(UsageError):
        NameTemplate(template)
    if "\0" not in template:
        assert "--name-template" in tool(*DOWNLOAD, "--name-template", template, ends=2).error


@pytest.mark.parametrize(
    "template",
    ["{replay_id}", "r{replay_id}", "{replay_id}.x", "{user}-{replay_id}", "{position}_{replay_id}_{user}_{time_ms}ms",
     "{replay_id}_{position}{time_ms}", "7{replay_id}7", "{user}_7{replay_id}"],
)  # fmt: skip
def test_names_of_different_replays_differ(template: str) -> None:
    users, numbers = ("a", "1", "a1", "1_1", "x_1", "1-11", "local", None), (None, 0, 1, 11, 110)
    rows = [
        {"replay_id": replay_id, "track_id": 7, "user_name": user, "site_time_ms": number, "position": place}
        for replay_id in (1, 11, 111, -1, -11)
        for user in users
        for number in numbers
        for place in numbers
    ]
    ids: dict[str, set[int]] = {}
    for row in rows:
        ids.setdefault(NameTemplate(template).replay_path(row), set()).add(row["replay_id"])
    assert all(len(found) == 1 for found in ids.values())


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({}, "5_ann_41230ms"),
        ({"user_name": None}, "5_unknown_41230ms"),
        ({"user_name": "..."}, "5_x_41230ms"),
        ({"user_name": "CON"}, "5_CON__41230ms"),
        ({"user_name": "a" * 500}, f"5_{'a' * 40}_41230ms"),
        ({"site_time_ms": None}, "5_ann_xms"),
        ({"user_name": "{replay_id}"}, "5_replay_id_41230ms"),
    ],
)
def test_the_default_name_contains_replay_user_and_time(row: dict[str, object], name: str) -> None:
    full_row = {"replay_id": 5, "track_id": 7, "user_name": "ann", "site_time_ms": 41230, "position": 0}
    assert NameTemplate().replay_path(full_row | row) == f"replays/7/{name}.Replay.Gbx"
