"""Every fault on the real wire, seen by an ordinary client or by a bare socket."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from tmxdb.gbx import read_replay
from tmxdb.sandbox import RunningSite

from .client import Client

CONNECTION_ERRORS = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def replay_path(site: RunningSite, number: int = 0) -> str:
    return f"/recordgbx/{site.board(site.track_ids()[number])[0]['replay_id']}"


def expected(site: RunningSite, path: str) -> bytes:
    return site.expected_replay(int(path.rpartition("/")[2]))


def knock(site: RunningSite, path: str, wait_s: float = 5.0) -> tuple[bytes, str]:
    """What a bare socket gets within `wait_s`, and how it ends: end, reset or silence."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=wait_s) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: tests\r\n\r\n".encode())
        got = b""
        try:
            while piece := connection.recv(1 << 16):
                got += piece
        except ConnectionResetError:
            return got, "reset"
        except TimeoutError:
            return got, "silence"
        return got, "end"


def test_a_status_comes_as_asked_and_goes_after_the_first_try(site: RunningSite, visitor: Client) -> None:
    path = replay_path(site)
    for status in (403, 404, 429, 500, 502, 503):
        site.set_faults([f"{status}:first=1"])
        assert visitor.get(path).status_code == status
        assert visitor.get(path).content == expected(site, path)


def test_retry_after_comes_in_seconds_or_as_a_date(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["429:retry-after=1.5:on=files", "503:retry-date=30:on=api"])
    assert visitor.get(replay_path(site)).headers["Retry-After"] == "2"
    until = parsedate_to_datetime(visitor.get("/api/tracks", fields="TrackId").headers["Retry-After"])
    assert 28 < until.timestamp() - time.time() <= 31


def test_a_storm_tells_everybody_how_long_to_stay_away(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["storm:for=100"])
    for path in ("/api/tracks", replay_path(site)):
        answer = visitor.get(path)
        assert answer.status_code == 429
        assert 95 <= int(answer.headers["Retry-After"]) <= 100
    site.set_faults(["storm"])
    assert visitor.get("/api/tracks").headers["Retry-After"] == "60"


def test_a_cut_body_is_shorter_than_its_length(site: RunningSite) -> None:
    site.set_faults(["cut"])
    path = replay_path(site)
    got, how = knock(site, path)
    head, _, body = got.partition(b"\r\n\r\n")
    whole = expected(site, path)
    assert how == "end"
    assert f"Content-Length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2]


def test_a_silent_cut_shows_in_nothing_but_the_body(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["cut-silent"])
    answer = visitor.get(replay_path(site))
    assert answer.status_code == 200
    assert "Content-Length" not in answer.headers
    assert expected(site, replay_path(site)).startswith(answer.content)


def test_a_wrong_length_is_followed_by_more_than_it_says(site: RunningSite) -> None:
    site.set_faults(["wrong-length"])
    path = replay_path(site)
    head, _, body = knock(site, path)[0].partition(b"\r\n\r\n")
    assert int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) < len(body) == len(expected(site, path))


def test_reset_and_refuse_end_with_rst(site: RunningSite, visitor: Client) -> None:
    for fault in ("reset", "refuse"):
        site.set_faults([fault])
        assert knock(site, replay_path(site))[1] == "reset"
        with pytest.raises(CONNECTION_ERRORS):
            visitor.get(replay_path(site))


def test_drop_ends_without_a_byte(site: RunningSite) -> None:
    site.set_faults(["drop"])
    assert knock(site, replay_path(site)) == (b"", "end")


def test_hang_says_nothing_and_stall_stops_in_the_middle(site: RunningSite) -> None:
    site.set_faults(["hang"])
    assert knock(site, replay_path(site), wait_s=0.2) == (b"", "silence")
    site.set_faults(["stall"])
    got, how = knock(site, replay_path(site), wait_s=0.2)
    assert how == "silence"
    assert got.startswith(b"HTTP/1.1 200")


def test_slow_drips_the_whole_body_over_the_time_asked_for(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["slow:s=0.4"])
    began = time.monotonic()
    assert visitor.get(replay_path(site)).content == expected(site, replay_path(site))
    assert time.monotonic() - began >= 0.4


def test_an_endless_body_goes_on_until_the_client_leaves(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["endless"])
    with visitor.session.get(site.url + replay_path(site), stream=True, timeout=5) as answer:
        taken = sum(len(piece) for piece, _ in zip(answer.iter_content(1 << 16), range(100), strict=False))
    assert taken > 6_000_000
    site.set_faults([])
    assert visitor.get(replay_path(site)).content == expected(site, replay_path(site))


def test_garbage_is_not_http(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["garbage"])
    with pytest.raises(CONNECTION_ERRORS):
        visitor.get(replay_path(site))


def test_a_redirect_points_elsewhere(site: RunningSite, visitor: Client) -> None:
    for fault, location in (
        ("redirect", "http://another-host.invalid/"),
        ("redirect:to=file:///etc/passwd", "file:///etc/passwd"),
        ("redirect:to=self", replay_path(site)),
    ):
        site.set_faults([fault])
        answer = visitor.get(replay_path(site))
        assert (answer.status_code, answer.headers["Location"]) == (302, location)


def test_html_comes_with_status_200_on_any_path(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["html"])
    for path in (replay_path(site), "/api/tracks"):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.text.startswith("<!DOCTYPE html>")


def test_bodies_of_files_are_empty_strange_changed_or_anothers(site: RunningSite, visitor: Client) -> None:
    path = replay_path(site)
    whole = expected(site, path)
    bodies = {}
    for fault in ("empty", "not-gbx", "flip", "wrong-file", "gzip-unsaid", "huge:mb=1"):
        site.set_faults([fault])
        answer = visitor.get(path)
        assert (answer.status_code, len(answer.content)) == (200, int(answer.headers["Content-Length"]))
        bodies[fault] = answer.content
    assert bodies["empty"] == b""
    assert not bodies["not-gbx"].startswith(b"GBX")
    assert sum(a != b for a, b in zip(bodies["flip"], whole, strict=True)) == 1
    assert bodies["flip"].startswith(b"GBX")
    assert read_replay(bodies["wrong-file"]).map_uid != read_replay(whole).map_uid
    assert gzip.decompress(bodies["gzip-unsaid"]) == whole
    assert len(bodies["huge:mb=1"]) == 1 << 20


def test_gzip_that_is_said_is_unpacked_by_any_client(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["gzip"])
    answer = visitor.get(replay_path(site))
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == expected(site, replay_path(site))


def test_a_bomb_is_small_on_the_wire_and_large_unpacked(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["bomb:mb=20"])
    packed = knock_body(site, replay_path(site))
    assert len(packed) < 100_000
    assert len(zlib.decompressobj(-15).decompress(packed[10:])) == 20 << 20


def knock_body(site: RunningSite, path: str) -> bytes:
    """The body as sent, whatever its coding."""
    with requests.get(site.url + path, headers={"User-Agent": "tests"}, stream=True, timeout=5) as answer:
        return bytes(answer.raw.read(decode_content=False))


def test_json_comes_deep_huge_mistyped_or_shapeless(site: RunningSite, visitor: Client) -> None:
    query = {"fields": "TrackId,TrackName,Awards,UploadedAt", "count": 12}
    healthy = visitor.tracks(**query)
    site.set_faults(["json-deep"])
    assert visitor.get("/api/tracks", **query).content.count(b"[") == 100_000
    site.set_faults(["json-huge:mb=2"])
    page = visitor.tracks(**query)
    assert len(page["Results"]) > 10_000
    assert page["Results"][:12] == healthy["Results"]
    site.set_faults(["json-types"])
    spoiled = visitor.tracks(**query)["Results"]
    assert all(sum(a[name] != b[name] for name in a) == 1 for a, b in zip(spoiled, healthy["Results"], strict=True))
    site.set_faults(["json-shape"])
    for count in range(1, 9):
        value = visitor.get("/api/tracks", fields="TrackId", count=count).json()
        assert not (isinstance(value, dict) and isinstance(value.get("Results"), list))


def test_the_same_page_comes_again_and_again(site: RunningSite, visitor: Client) -> None:
    first = visitor.track_ids(count=5, order1=1)
    site.set_faults(["page-again:first=2"])
    for _ in range(2):
        assert visitor.tracks(count=5, order1=1, after=first[-1]) == {
            "More": True,
            "Results": [{"TrackId": track_id} for track_id in first],
        }
    assert visitor.track_ids(count=5, order1=1, after=first[-1])[0] > first[-1]


def test_faults_that_are_none_change_nothing(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["503"])
    with pytest.raises(Exception, match="there is no 'bang'"):
        site.set_faults(["bang"])
    assert visitor.get("/api/tracks", fields="TrackId").status_code == 503
    assert visitor.get("/_sandbox/faults").json() == ["503"]
    assert requests.get(f"{site.url}/_sandbox/faults?fault=cut:2%25&fault=html", timeout=5).json() == ["cut:2%", "html"]
    assert requests.get(f"{site.url}/_sandbox/faults?fault=", timeout=5).json() == []
