"""GET /api/tracks, compared with the known behaviour of the real site."""

from __future__ import annotations

import pytest

from tests.sandbox.client import Client
from tmxdb_sandbox import RunningSite
from tmxdb_sandbox.api.response_fields import track_fields


def walk(client: Client, **parameters: object) -> list[int]:
    """Return all ids, page by page, with the `after` cursor."""
    seen: list[int] = []
    more, cursor = True, {}
    while more:
        page = client.tracks(count=47, **cursor, **parameters)
        seen += [row["TrackId"] for row in page["Results"]]
        more, cursor = page["More"], {"after": seen[-1]}
    return seen


# Refusals


def test_a_request_without_user_agent_is_refused(client: Client) -> None:
    client.session.headers["User-Agent"] = ""
    response = client.get("/api/tracks", fields="TrackId")
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("application/problem+json")


def test_fields_are_required(client: Client) -> None:
    assert client.get("/api/tracks").status_code == 400


@pytest.mark.parametrize("field", ["Username", "Uploader.Login", "TrackId.Name", "uploader.Name", "Authors[].Nope", ""])
def test_an_unknown_field_is_refused_by_name(client: Client, field: str) -> None:
    response = client.get("/api/tracks", fields=f"TrackId,{field}")
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert response.json()["detail"] == f"Specified field '{field}' does not exist"


@pytest.mark.parametrize(
    "query", ["count=x", "order1=99", "primarytype=0&primarytype=1", "uploadedafter=soon", "id=1,b"]
)
def test_a_bad_value_is_refused_by_name(client: Client, query: str) -> None:
    response = client.get(f"/api/tracks?fields=TrackId&{query}")
    assert response.status_code == 400
    assert response.json()["detail"] == f"Invalid value for '{query.partition('=')[0]}'"


def test_all_routes_are_a_server_error(client: Client) -> None:
    assert client.get("/api/tracks", fields="TrackId", routes="0,1,2,3").status_code == 500


# Fields


def test_every_field_has_its_documented_type(client: Client) -> None:
    rows = client.tracks(fields=",".join(track_fields(lambda track: None).fields), count=1000)["Results"]
    assert len(rows) == 200
    for row in rows:
        assert isinstance(row["TrackName"], str)
        assert set(row["Uploader"]) == {"UserId", "Name"}
        assert row["Authors"][0]["User"] == row["Uploader"]
        assert all(isinstance(tag, int) for tag in row["Tags"])
        assert row["BronzeTarget"] >= row["SilverTarget"] >= row["GoldTarget"] > row["AuthorTime"] > 0
        assert row["UploadedAt"] <= row["UpdatedAt"] <= row["ActivityAt"]
        assert row["WRReplay"] is None or row["WRReplay"]["ReplayTime"] > 0
    assert any(row["WRReplay"] is None for row in rows)


def test_nested_fields_are_selected_with_and_without_brackets(client: Client) -> None:
    row = client.tracks(fields="Authors[].User.Name,WRReplay.User.Name,Tags[],Images[].Width", count=1)["Results"][0]
    assert set(row) == {"Authors", "WRReplay", "Tags", "Images"}
    assert set(row["Authors"][0]) == {"User"}
    assert set(row["Authors"][0]["User"]) == {"Name"}


# Pages


def test_a_page_has_forty_rows_by_default_and_at_most_all(client: Client) -> None:
    assert len(client.tracks()["Results"]) == 40
    assert len(client.tracks(count=10_000)["Results"]) == 200
    assert len(client.tracks(count=0)["Results"]) == 1


@pytest.mark.parametrize("order", [None, 0, 1, 4, 5, 6, 10, 11, 13, 15, 24, 28, 33, 42])
def test_cursors_visit_each_track_once_in_any_order(client: Client, order: int | None) -> None:
    parameters = {} if order is None else {"order1": order}
    walked = walk(client, **parameters)
    assert walked == client.track_ids(**parameters)
    assert sorted(walked) == client.track_ids(order1=1)


def test_without_order_the_newest_upload_is_first(client: Client) -> None:
    assert client.track_ids() == sorted(client.track_ids(), reverse=True) == client.track_ids(order1=2)


def test_orders_sort_by_their_fields(client: Client) -> None:
    for order, field in ((6, "Awards"), (8, "Comments"), (10, "ActivityAt"), (4, "UpdatedAt"), (20, "TrackValue")):
        values = [row[field] for row in client.tracks(order1=order, fields=field, count=1000)["Results"]]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) > 5


def test_before_pages_backwards_and_from_includes_its_id(client: Client) -> None:
    ids = client.track_ids(order1=6)
    assert client.track_ids(order1=6, before=ids[10], count=4) == ids[6:10]
    assert client.track_ids(order1=6, from_=ids[10], count=4) == ids[10:14]
    assert client.tracks(order1=6, before=ids[3], count=4)["More"] is False


@pytest.mark.parametrize("cursor", [0, 1, 2234, 10**12])
def test_a_cursor_outside_the_list_gives_the_first_page(client: Client, cursor: int) -> None:
    assert client.track_ids(order1=6, count=5, after=cursor) == client.track_ids(order1=6, count=5)


def test_more_is_false_only_on_the_last_page(client: Client) -> None:
    ids = client.track_ids(order1=1)
    assert client.tracks(order1=1, after=ids[-3], count=2)["More"] is False
    assert client.tracks(order1=1, after=ids[-4], count=2)["More"] is True
    assert client.tracks(order1=1, after=ids[-1], count=2) == {"More": False, "Results": []}


def test_parameter_names_ignore_case_and_unknown_ones_have_no_effect(client: Client) -> None:
    assert (
        client.tracks(COUNT=2, Order1=6, limit=7, offset=3, trackname="x")["Results"]
        == client.tracks(count=2, order1=6)["Results"]
    )


# Filters


@pytest.mark.parametrize(
    ("query", "field", "holds"),
    [
        ({"environment": 6}, "Environment", lambda value: value == 7),
        ({"mood": 3}, "Mood", lambda value: value == 3),
        ({"difficulty": 2}, "Difficulty", lambda value: value == 2),
        ({"primarytype": 0}, "PrimaryType", lambda value: value == 0),
        ({"lbtype": 1}, "ReplayType", lambda value: value == 1),
        ({"routes": "1,2"}, "Routes", lambda value: value in (1, 2)),
        ({"tag": 7}, "Tags", lambda value: 7 in value),
        ({"etag": 0}, "Tags", lambda value: 0 not in value),
        ({"name": "race"}, "TrackName", lambda value: "race" in value.lower()),
        ({"authortimemin": 30_000, "authortimemax": 40_000}, "AuthorTime", lambda value: 30_000 <= value <= 40_000),
        ({"valuemin": 500}, "TrackValue", lambda value: value >= 500),
        (
            {"uploadedafter": "2008-06-01", "uploadedbefore": "2009-01-01"},
            "UploadedAt",
            lambda value: "2008-06" <= value < "2009-01-02",
        ),
        ({"inunlimiter": 1}, "UnlimiterVersion", lambda value: value is not None),
        ({"inscreenshot": 0}, "HasThumbnail", lambda value: value is False),
    ],
)
def test_a_filter_selects_exactly_the_matching_tracks(client: Client, query: dict, field: str, holds: object) -> None:
    everything = client.tracks(fields=f"TrackId,{field}", count=1000)["Results"]
    expected = [row["TrackId"] for row in everything if holds(row[field])]
    assert client.track_ids(**query) == expected
    assert 0 < len(expected) < len(everything)


def test_author_matches_part_of_a_name(client: Client) -> None:
    name = client.tracks(fields="Uploader.Name", count=1)["Results"][0]["Uploader"]["Name"]
    rows = client.tracks(fields="Authors[].User.Name", author=name[:5].upper())["Results"]
    assert rows
    assert all(any(name[:5].lower() in a["User"]["Name"].lower() for a in row["Authors"]) for row in rows)


def test_tags_combine_with_or_and_with_taginclusive_with_and(client: Client) -> None:
    rows = client.tracks(fields="Tags", count=1000)["Results"]
    both = [row for row in rows if {0, 5} <= set(row["Tags"])]
    assert len(client.get("/api/tracks?fields=TrackId&tag=0&tag=5&taginclusive=1&count=1000").json()["Results"]) == len(
        both
    )
    either = [row for row in rows if {0, 5} & set(row["Tags"])]
    assert len(client.tracks(tag="0,5", count=1000)["Results"]) == len(either)


def test_inhasrecord_selects_tracks_with_replays(client: Client, shared_site: RunningSite) -> None:
    without = client.track_ids(inhasrecord=0)
    assert without
    assert all(shared_site.leaderboard(track_id) == [] for track_id in without)


def test_ids_and_uids_are_looked_up_and_unknown_ones_give_an_empty_list(client: Client) -> None:
    some = client.track_ids(count=3)
    assert client.track_ids(id=",".join(map(str, [*some, 5]))) == some
    uid = client.tracks(id=some[0], fields="UId")["Results"][0]["UId"]
    assert client.track_ids(uid=uid) == some[:1]
    assert client.tracks(id=",".join(map(str, some)), count=2)["More"] is True
    assert client.tracks(id=5) == client.tracks(uid="unknown") == {"More": False, "Results": []}


def test_tags_have_names(client: Client) -> None:
    tags = client.get("/api/meta/tags").json()
    assert len(tags) == 19
    assert tags[4] == {"Id": 4, "Name": "Multilap"}


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/replaygbx/101", "/mapgbx/2233", "/recordgbx/x", "/trackshow/2233/thumb"]
)
def test_an_unknown_path_is_an_html_404(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.text.startswith("<!DOCTYPE html>")
