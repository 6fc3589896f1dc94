"""Parsing of fault rules, and which requests they apply to."""

from __future__ import annotations

import pytest

from tmxdb_sandbox.faults.plan import HttpFaultPlan
from tmxdb_sandbox.faults.rule import InvalidFaultRule, parse_rule
from tmxdb_sandbox.faults.table import fault_of
from tmxdb_sandbox.wire.http_messages import Request, Response, make_response


def fault_for(plan: HttpFaultPlan, path: str) -> str:
    """Return the name of the fault applied to a request, or an empty text."""
    return plan.respond(Request("GET", *path.partition("?")[::2], {}), _healthy).fault


def _healthy(request: Request) -> Response:
    return make_response(200, b"GBX and so on", "application/gbx")


def plan_of(*texts: str, clock: list[float] | None = None, seed: int = 1) -> HttpFaultPlan:
    return HttpFaultPlan(texts, seed, lambda: clock[0] if clock else 0.0)


def test_a_rule_has_a_share_limits_and_areas() -> None:
    rule = parse_rule("429:2.5%:first=3:times=9:on=api+record:id=17:retry-after=2:at=1:for=4")
    assert (rule.name, rule.share, rule.first, rule.times, rule.item) == ("429", 0.025, 3, 9, 17)
    assert (rule.on, rule.retry_after_s, rule.at_s, rule.for_s) == (("api", "record"), 2.0, 1.0, 4.0)


def test_a_redirect_target_may_contain_colons() -> None:
    assert parse_rule("redirect:1%:to=http://127.0.0.1:9/x").to == "http://127.0.0.1:9/x"


@pytest.mark.parametrize(
    "text",
    ["", "boom", "299", "cut:200%", "cut:x%", "cut:on=moon", "cut:first=", "cut:often", "slow:s=-1", "cut:for=nan"],
)
def test_an_invalid_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidFaultRule, match="fault"):
        fault_of(parse_rule(text))


def test_a_share_applies_to_attempts() -> None:
    plan = plan_of("503:10%")
    affected = [fault_for(plan, f"/recordgbx/{n}") for n in range(2000)]
    assert 150 < affected.count("503") < 250


def test_with_first_a_share_applies_to_items_at_their_first_attempts() -> None:
    plan = plan_of("cut:25%:first=2")
    tries = {n: [fault_for(plan, f"/recordgbx/{n}") for _ in range(5)] for n in range(400)}
    unlucky = [n for n, faults in tries.items() if faults == ["cut", "cut", "", "", ""]]
    assert 70 < len(unlucky) < 130
    assert all(faults == [""] * 5 for n, faults in tries.items() if n not in unlucky)


def test_the_order_of_requests_does_not_matter() -> None:
    one, other = plan_of("503:30%"), plan_of("503:30%")
    forwards = {n: fault_for(one, f"/recordgbx/{n}") for n in range(200)}
    backwards = {n: fault_for(other, f"/recordgbx/{n}") for n in reversed(range(200))}
    assert forwards == backwards
    assert forwards != {n: fault_for(plan_of("503:30%", seed=2), f"/recordgbx/{n}") for n in range(200)}


@pytest.mark.parametrize(
    ("area", "affected"),
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
def test_a_fault_stays_in_its_area(area: str, affected: str) -> None:
    paths = {
        "tracks": "/api/tracks?fields=TrackId",
        "replays": "/api/replays?trackId=7",
        "record": "/recordgbx/7",
        "track": "/trackgbx/7",
        "page": "/",
    }
    plan = plan_of(f"drop:on={area}")
    assert [name for name, path in paths.items() if fault_for(plan, path)] == affected.split()


def test_a_fault_applies_to_its_default_areas() -> None:
    plan = plan_of("not-gbx", "json-deep")
    assert fault_for(plan, "/recordgbx/7") == "not-gbx"
    assert fault_for(plan, "/api/replays?trackId=7") == "json-deep"


def test_a_fault_can_be_limited_to_one_item_or_a_number_of_times() -> None:
    plan = plan_of("404:id=7", "503:times=2")
    paths = ["/recordgbx/7", "/api/replays?fields=ReplayId&TrackId=7", "/recordgbx/8", "/recordgbx/9", "/recordgbx/10"]
    assert [fault_for(plan, path) for path in paths] == ["404", "404", "503", "503", ""]


def test_a_storm_lasts_from_its_start_for_its_duration() -> None:
    clock = [100.0]
    plan = plan_of("storm:at=5:for=3", clock=clock)
    affected = []
    for clock[0] in (104.9, 105.0, 107.5, 108.0):
        affected.append(fault_for(plan, "/api/tracks"))
    assert affected == ["", "storm", "storm", ""]


def test_after_exempts_the_first_matching_requests_and_starts_the_time() -> None:
    clock = [100.0]
    rules = plan_of("storm:after=2:for=3:on=record", clock=clock)
    faults = [fault_for(rules, "/api/tracks"), *(fault_for(rules, f"/recordgbx/{n}") for n in range(2))]
    clock[0] = 110.0
    assert [*faults, fault_for(rules, "/recordgbx/2")] == ["", "", "", ""]
    clock[0] = 102.0
    assert fault_for(rules, "/recordgbx/3") == "storm"


def test_the_first_applicable_fault_is_used() -> None:
    assert fault_for(plan_of("503:0%", "cut", "html"), "/recordgbx/1") == "cut"
