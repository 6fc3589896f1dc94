"""The exchange that a name or an address refers to."""

from __future__ import annotations

import pytest

from tmxdb.errors import UsageError
from tmxdb.tmx.endpoints import ORDERS, order_number
from tmxdb.tmx.sites import SITES, site


@pytest.mark.parametrize("name", ["tmnf", "tmuf", "tmo", "tms", "tmn"])
def test_each_exchange_has_a_short_name(name: str) -> None:
    assert site(name).base_url == SITES[name]
    assert site(name.upper()) == site(name)
    assert not site(name).is_loopback


def test_the_address_of_a_known_exchange_is_the_same_site_as_its_name() -> None:
    assert site("https://TMNF.exchange/") == site("tmnf")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:9", "http://127.9.9.9/x"])
def test_an_address_of_this_machine_is_loopback(url: str) -> None:
    assert site(url).is_loopback
    assert site(url + "/").base_url == url


@pytest.mark.parametrize(
    "wrong",
    ["", "tmx", "ftp://x", "http://", "file:///etc/passwd", "http://x:y", "http://x:0", "http://x:70000", "http://a@b/",
     "http://x/?q=1", "http://x/#f", "http://[::1", "-rf", "http://x y/", "http://x\n.y/", "http://x\x1b/"],
)  # fmt: skip
def test_anything_else_is_a_usage_error_that_lists_the_sites(wrong: str) -> None:
    with pytest.raises(UsageError, match="tmnf") as refused:
        site(wrong)
    assert refused.value.code == "input.site"
    assert repr(wrong) in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("http://bücher.example", "http://xn--bcher-kva.example"),
        ("http://BÜCHER.example:8000/x/ü/", "http://xn--bcher-kva.example:8000/x/%C3%BC"),
        ("http://127.0.0.1:8000/ü", "http://127.0.0.1:8000/%C3%BC"),
    ],
)
def test_letters_beyond_ascii_in_an_address_are_encoded(typed: str, sent: str) -> None:
    assert site(typed).base_url == site(typed).name == sent
    assert site(sent) == site(typed)


@pytest.mark.parametrize("wrong", ["http://a..ü.example", f"http://{'ü' * 64}.example"])
def test_an_address_that_cannot_be_encoded_is_a_usage_error(wrong: str) -> None:
    with pytest.raises(UsageError, match="Unknown site"):
        site(wrong)


def test_orders_have_the_numbers_of_the_site_largest_first() -> None:
    assert [order_number(name) for name in ("awards", "activity", "uploaded", "updated", "comments")] == [
        6,
        10,
        2,
        4,
        8,
    ]
    assert order_number("uploaded-asc") == 1
    assert all(down == up + 1 for up, down in ORDERS.values())


@pytest.mark.parametrize(
    ("base", "other", "same"),
    [
        ("tmnf", "http://TMNF.exchange:80/", True),
        ("tmnf", "https://tmnf.exchange:8443", False),
        ("tmnf", "https://tmuf.exchange", False),
        ("tmnf", "https://tmnf.exchange.evil.example", False),
        ("http://127.0.0.1:8000", "http://localhost:8000", True),
        ("http://127.0.0.1:8000", "http://localhost:8001", False),
        ("https://x.example/a", "https://x.example/a/", True),
        ("https://x.example/a", "https://x.example/b", False),
    ],
)
def test_an_address_is_of_the_same_site_whatever_way_it_is_written(base: str, other: str, same: bool) -> None:
    assert site(base).is_at(other) == same
