"""The text of a fault, and when it strikes."""

from __future__ import annotations

import pytest

from tmxdb.sandbox.faults.plan import FaultPlan
from tmxdb.sandbox.faults.rule import BadFault, parse_rule
from tmxdb.sandbox.faults.table import fault_of
from tmxdb.sandbox.wire.messages import Request, Response, answer


def ask(plan: FaultPlan, path: str) -> str:
    """The fault that a request meets, or an empty text."""
    return plan.apply(Request("GET", *path.partition("?")[::2], {}), _healthy).fault


def _healthy(request: Request) -> Response:
    return answer(200, b"GBX and so on", "application/gbx")


def plan(*texts: str, clock: list[float] | None = None, seed: int = 1) -> FaultPlan:
    return FaultPlan(texts, seed, lambda: clock[0] if clock else 0.0)


def test_a_rule_says_its_share_its_limits_and_its_place() -> None:
    rule = parse_rule("429:2.5%:first=3:times=9:on=api+record:id=17:retry-after=2:at=1:for=4")
    assert (rule.name, rule.share, rule.first, rule.times, rule.item) == ("429", 0.025, 3, 9, 17)
    assert (rule.on, rule.retry_after_s, rule.at_s, rule.for_s) == (("api", "record"), 2.0, 1.0, 4.0)


def test_an_address_may_have_colons() -> None:
    assert parse_rule("redirect:1%:to=http://127.0.0.1:9/x").to == "http://127.0.0.1:9/x"


@pytest.mark.parametrize(
    "text",
    ["", "boom", "299", "cut:200%", "cut:x%", "cut:on=moon", "cut:first=", "cut:often", "slow:s=-1", "cut:for=nan"],
)
def test_a_text_that_is_no_fault_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadFault, match="fault"):
        fault_of(parse_rule(text))


def test_a_share_of_the_tries_is_spoiled() -> None:
    spoiled = plan("503:10%")
    struck = [ask(spoiled, f"/recordgbx/{n}") for n in range(2000)]
    assert 150 < struck.count("503") < 250


def test_with_first_a_share_of_the_items_is_spoiled_and_then_never_again() -> None:
    spoiled = plan("cut:25%:first=2")
    tries = {n: [ask(spoiled, f"/recordgbx/{n}") for _ in range(5)] for n in range(400)}
    unlucky = [n for n, faults in tries.items() if faults == ["cut", "cut", "", "", ""]]
    assert 70 < len(unlucky) < 130
    assert all(faults == [""] * 5 for n, faults in tries.items() if n not in unlucky)


def test_the_order_of_requests_does_not_matter() -> None:
    one, other = plan("503:30%"), plan("503:30%")
    forwards = {n: ask(one, f"/recordgbx/{n}") for n in range(200)}
    backwards = {n: ask(other, f"/recordgbx/{n}") for n in reversed(range(200))}
    assert forwards == backwards
    assert forwards != {n: ask(plan("503:30%", seed=2), f"/recordgbx/{n}") for n in range(200)}


@pytest.mark.parametrize(
    ("area", "struck"),
    [
        ("all", "tracks replays record track page"),
        ("api", "tracks replays"),
        ("tracks", "tracks"),
        ("replays", "replays"),
        ("files", "record track"),
        ("record", "record"),
        ("track+replays", "replays track"),
    ],
)
def test_a_fault_stays_in_its_area(area: str, struck: str) -> None:
    paths = {
        "tracks": "/api/tracks?fields=TrackId",
        "replays": "/api/replays?trackId=7",
        "record": "/recordgbx/7",
        "track": "/trackgbx/7",
        "page": "/",
    }
    spoiled = plan(f"drop:on={area}")
    assert [name for name, path in paths.items() if ask(spoiled, path)] == struck.split()


def test_a_fault_of_files_leaves_the_api_alone_unasked() -> None:
    spoiled = plan("not-gbx", "json-deep")
    assert ask(spoiled, "/recordgbx/7") == "not-gbx"
    assert ask(spoiled, "/api/replays?trackId=7") == "json-deep"


def test_a_fault_can_be_for_one_item_or_happen_so_many_times() -> None:
    spoiled = plan("404:id=7", "503:times=2")
    paths = ["/recordgbx/7", "/api/replays?fields=ReplayId&TrackId=7", "/recordgbx/8", "/recordgbx/9", "/recordgbx/10"]
    assert [ask(spoiled, path) for path in paths] == ["404", "404", "503", "503", ""]


def test_a_storm_rages_from_its_beginning_to_its_end() -> None:
    clock = [100.0]
    spoiled = plan("storm:at=5:for=3", clock=clock)
    struck = []
    for clock[0] in (104.9, 105.0, 107.5, 108.0):
        struck.append(ask(spoiled, "/api/tracks"))
    assert struck == ["", "storm", "storm", ""]


def test_the_first_fault_that_applies_is_the_one_that_happens() -> None:
    assert ask(plan("503:0%", "cut", "html"), "/recordgbx/1") == "cut"
