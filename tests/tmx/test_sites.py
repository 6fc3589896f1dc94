"""Which exchange is meant by what a user types."""

from __future__ import annotations

import pytest

from tmxdb.errors import WrongUsage
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
def test_a_stand_in_on_this_machine_is_known_as_such(url: str) -> None:
    assert site(url).is_loopback
    assert site(url + "/").base_url == url


@pytest.mark.parametrize(
    "wrong",
    ["", "tmx", "ftp://x", "http://", "file:///etc/passwd", "http://x:y", "http://x:0", "http://x:70000", "http://a@b/",
     "http://x/?q=1", "http://x/#f", "http://[::1", "-rf"],
)  # fmt: skip
def test_anything_else_is_wrong_usage_that_names_what_can_be_used(wrong: str) -> None:
    with pytest.raises(WrongUsage, match="tmnf") as refused:
        site(wrong)
    assert refused.value.code == "input.site"
    assert repr(wrong) in str(refused.value)


def test_orders_are_those_of_the_fact_sheet_largest_first() -> None:
    assert [order_number(name) for name in ("awards", "activity", "uploaded", "updated", "comments")] == [
        6,
        10,
        2,
        4,
        8,
    ]
    assert order_number("uploaded-asc") == 1
    assert all(down == up + 1 for up, down in ORDERS.values())
