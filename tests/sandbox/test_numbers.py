"""Numbers that are too long, negative or missing get an answer."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.sandbox.client import Client
from tmxdb_sandbox import RunningSite
from tmxdb_sandbox.faults.rule import InvalidFaultRule, parse_rule
from tmxdb_sandbox.faults.table import fault_of
from tmxdb_sandbox.game.car.script import read_script

LONG = "9" * 5000
"""More digits than Python converts."""


@pytest.mark.parametrize("faults", [[], ["503:1%:id=1"], ["wrong-file:on=all"]])
def test_a_very_long_id_is_no_item(site: RunningSite, site_client: Client, faults: list[str]) -> None:
    site.set_faults(faults)
    assert site_client.get(f"/recordgbx/{LONG}").status_code == 404
    assert site_client.get(f"/trackgbx/{LONG}").status_code == 404
    assert site_client.get("/api/replays", trackid=LONG, fields="ReplayId").status_code == 400


def test_a_very_long_content_length_is_refused(site: RunningSite) -> None:
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nContent-Length: {LONG}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("latency?ms=-5", "ms must be a whole number from 0 to "),
        ("latency?ms=1.5", "ms must be a whole number from 0 to "),
        ("latency", "ms must be a whole number from 0 to "),
        ("add-tracks?n=-3", "n must be a whole number from 0 to 1,000,000"),
        (f"add-tracks?n={LONG}", "n must be a whole number from 0 to 1,000,000"),
        ("add-tracks?n=1000001", "n must be a whole number from 0 to 1,000,000"),
        (f"leaderboard?id={LONG}", "id must be a whole number from 0 to "),
    ],
)
def test_an_admin_path_names_the_parameter_that_is_wrong(site_client: Client, path: str, expected: str) -> None:
    answer = site_client.get(f"/_sandbox/{path}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(expected)


@pytest.mark.parametrize("path", ["leaderboard", "replay-file", "withdraw-replay", "delete-track", "delete-replay"])
def test_an_id_that_does_not_exist_is_not_found(site_client: Client, path: str) -> None:
    assert site_client.get(f"/_sandbox/{path}?id={2**63 - 1}").status_code == 404


def test_json_that_is_nested_too_deeply_is_refused(site: RunningSite, site_client: Client) -> None:
    answer = site_client.session.post(f"{site.url}/_sandbox/faults", data="[" * 100_000, timeout=60)
    assert answer.status_code == 400


def test_a_very_long_name_of_a_fault_is_unknown() -> None:
    with pytest.raises(InvalidFaultRule, match="unknown fault"):
        fault_of(parse_rule(LONG))


def test_a_very_long_time_in_a_script_is_not_understood() -> None:
    changes, errors = read_script(f"{LONG} press up\n{LONG}:1.00 press up\n")
    assert (changes, len(errors)) == ([], 2)
