"""Every fault as an HTTP client or a plain socket sees it."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox.client import Client
from tmxdb.gbx import read_replay
from tmxdb_sandbox import RunningSite

CONNECTION_ERRORS = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def replay_path(site: RunningSite, number: int = 0) -> str:
    return f"/recordgbx/{site.leaderboard(site.track_ids()[number])[0]['replay_id']}"


def expected(site: RunningSite, path: str) -> bytes:
    return site.expected_replay(int(path.rpartition("/")[2]))


def receive(site: RunningSite, path: str, wait_s: float | None = 5.0) -> tuple[bytes, str]:
    """Return what a socket receives within `wait_s`, and how the connection ends: end, reset or silence.

    Without `wait_s`, wait as long as it takes, in `recv` itself. Python polls a socket that has a timeout.
    """
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


def test_a_status_fault_with_first_fails_only_the_first_attempt(site: RunningSite, site_client: Client) -> None:
    path = replay_path(site)
    for status in (403, 404, 429, 500, 502, 503):
        site.set_faults([f"{status}:first=1"])
        assert site_client.get(path).status_code == status
        assert site_client.get(path).content == expected(site, path)


def test_retry_after_is_sent_in_seconds_or_as_a_date(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["429:retry-after=1.5:on=files", "503:retry-date=30:on=api"])
    assert site_client.get(replay_path(site)).headers["Retry-After"] == "2"
    asked_s = time.time()
    until = parsedate_to_datetime(site_client.get("/api/tracks", fields="TrackId").headers["Retry-After"])
    assert asked_s + 28 < until.timestamp() <= time.time() + 31


def test_a_storm_sends_the_remaining_time_as_retry_after(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["storm:for=100"])
    for path in ("/api/tracks", replay_path(site)):
        response = site_client.get(path)
        assert response.status_code == 429
        assert 95 <= int(response.headers["Retry-After"]) <= 100
    site.set_faults(["storm"])
    assert site_client.get("/api/tracks").headers["Retry-After"] == "60"


def test_a_cut_body_is_shorter_than_its_length(site: RunningSite) -> None:
    site.set_faults(["cut"])
    path = replay_path(site)
    got, how = receive(site, path)
    head, _, body = got.partition(b"\r\n\r\n")
    whole = expected(site, path)
    assert how == "end"
    assert f"Content-Length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2]


def test_a_silent_cut_is_visible_only_in_the_body(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["cut-silent"])
    response = site_client.get(replay_path(site))
    assert response.status_code == 200
    assert "Content-Length" not in response.headers
    assert expected(site, replay_path(site)).startswith(response.content)


def test_a_wrong_length_is_smaller_than_the_body(site: RunningSite) -> None:
    site.set_faults(["wrong-length"])
    path = replay_path(site)
    head, _, body = receive(site, path)[0].partition(b"\r\n\r\n")
    assert int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) < len(body) == len(expected(site, path))


def test_reset_and_refuse_end_with_rst(site: RunningSite, site_client: Client) -> None:
    for fault in ("reset", "refuse"):
        site.set_faults([fault])
        # Without polling: Wine 8 reports a reset to `recv`, but shows a polled socket as closed.
        assert receive(site, replay_path(site), wait_s=None)[1] == "reset"
        with pytest.raises(CONNECTION_ERRORS):
            site_client.get(replay_path(site))


def test_drop_ends_without_a_byte(site: RunningSite) -> None:
    site.set_faults(["drop"])
    assert receive(site, replay_path(site)) == (b"", "end")


def test_hang_sends_nothing_and_stall_stops_in_the_middle(site: RunningSite) -> None:
    site.set_faults(["hang"])
    assert receive(site, replay_path(site), wait_s=0.2) == (b"", "silence")
    site.set_faults(["stall"])
    got, how = receive(site, replay_path(site), wait_s=0.2)
    assert how == "silence"
    assert got.startswith(b"HTTP/1.1 200")


def test_slow_sends_the_complete_body_over_the_given_time(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["slow:s=0.4"])
    began = time.monotonic()
    assert site_client.get(replay_path(site)).content == expected(site, replay_path(site))
    assert time.monotonic() - began >= 0.4


def test_an_endless_body_continues_until_the_client_disconnects(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["endless"])
    with site_client.session.get(site.url + replay_path(site), stream=True, timeout=60) as response:
        taken = sum(len(piece) for piece, _ in zip(response.iter_content(1 << 16), range(100), strict=False))
    assert taken > 6_000_000
    site.set_faults([])
    assert site_client.get(replay_path(site)).content == expected(site, replay_path(site))


def test_garbage_is_not_http(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["garbage"])
    with pytest.raises(CONNECTION_ERRORS):
        site_client.get(replay_path(site))


def test_a_redirect_points_elsewhere(site: RunningSite, site_client: Client) -> None:
    for fault, location in (
        ("redirect", "http://another-host.invalid/"),
        ("redirect:to=file:///etc/passwd", "file:///etc/passwd"),
        ("redirect:to=self", replay_path(site)),
    ):
        site.set_faults([fault])
        response = site_client.get(replay_path(site))
        assert (response.status_code, response.headers["Location"]) == (302, location)


def test_html_comes_with_status_200_on_any_path(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["html"])
    for path in (replay_path(site), "/api/tracks"):
        response = site_client.get(path)
        assert response.status_code == 200
        assert response.text.startswith("<!DOCTYPE html>")


def test_file_faults_give_empty_wrong_changed_or_swapped_bodies(site: RunningSite, site_client: Client) -> None:
    path = replay_path(site)
    whole = expected(site, path)
    bodies = {}
    for fault in ("empty", "not-gbx", "flip", "wrong-file", "gzip-unsaid", "huge:mb=1"):
        site.set_faults([fault])
        response = site_client.get(path)
        assert (response.status_code, len(response.content)) == (200, int(response.headers["Content-Length"]))
        bodies[fault] = response.content
    assert bodies["empty"] == b""
    assert not bodies["not-gbx"].startswith(b"GBX")
    assert sum(a != b for a, b in zip(bodies["flip"], whole, strict=True)) == 1
    assert bodies["flip"].startswith(b"GBX")
    assert read_replay(bodies["wrong-file"]).map_uid != read_replay(whole).map_uid
    assert gzip.decompress(bodies["gzip-unsaid"]) == whole
    assert len(bodies["huge:mb=1"]) == 1 << 20


def test_a_labelled_gzip_body_is_decompressed_by_any_client(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["gzip"])
    response = site_client.get(replay_path(site))
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.content == expected(site, replay_path(site))


def test_a_bomb_is_small_as_sent_and_large_decompressed(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["bomb:mb=20"])
    packed = receive_body(site, replay_path(site))
    assert len(packed) < 100_000
    assert len(zlib.decompressobj(-15).decompress(packed[10:])) == 20 << 20


def receive_body(site: RunningSite, path: str) -> bytes:
    """Return the body as sent, without decoding."""
    with requests.get(site.url + path, headers={"User-Agent": "tests"}, stream=True, timeout=60) as response:
        return bytes(response.raw.read(decode_content=False))


def test_json_faults_give_deep_huge_mistyped_or_misshapen_values(site: RunningSite, site_client: Client) -> None:
    query = {"fields": "TrackId,TrackName,Awards,UploadedAt", "count": 12}
    healthy = site_client.tracks(**query)
    site.set_faults(["json-deep"])
    assert site_client.get("/api/tracks", **query).content.count(b"[") == 100_000
    site.set_faults(["json-huge:mb=2"])
    page = site_client.tracks(**query)
    assert len(page["Results"]) > 10_000
    assert page["Results"][:12] == healthy["Results"]
    site.set_faults(["json-types"])
    mistyped = site_client.tracks(**query)["Results"]
    assert all(sum(a[name] != b[name] for name in a) == 1 for a, b in zip(mistyped, healthy["Results"], strict=True))
    site.set_faults(["json-shape"])
    for count in range(1, 9):
        value = site_client.get("/api/tracks", fields="TrackId", count=count).json()
        assert not (isinstance(value, dict) and isinstance(value.get("Results"), list))


def test_page_again_returns_the_first_page_for_every_cursor(site: RunningSite, site_client: Client) -> None:
    first = site_client.track_ids(count=5, order1=1)
    site.set_faults(["page-again:first=2"])
    for _ in range(2):
        assert site_client.tracks(count=5, order1=1, after=first[-1]) == {
            "More": True,
            "Results": [{"TrackId": track_id} for track_id in first],
        }
    assert site_client.track_ids(count=5, order1=1, after=first[-1])[0] > first[-1]


def test_an_invalid_fault_leaves_the_active_faults_unchanged(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["503"])
    with pytest.raises(Exception, match="unknown fault 'bang'"):
        site.set_faults(["bang"])
    assert site_client.get("/api/tracks", fields="TrackId").status_code == 503
    assert site_client.get("/_sandbox/faults").json() == ["503"]
    assert requests.get(f"{site.url}/_sandbox/faults?fault=cut:2%25&fault=html", timeout=60).json() == [
        "cut:2%",
        "html",
    ]
    assert requests.get(f"{site.url}/_sandbox/faults?fault=", timeout=60).json() == []
