"""Which request meets which fault: decided by the seed, the item and the try, never by the order of arrival."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tmxdb.sandbox.catalogue.draws import fraction
from tmxdb.sandbox.faults.case import Case, Fault, Serve
from tmxdb.sandbox.faults.rule import Rule, parse_rule
from tmxdb.sandbox.faults.table import fault_of
from tmxdb.sandbox.wire.messages import Request, Response

_AREAS = {
    "/api/tracks": ("all", "api", "tracks"),
    "/api/replays": ("all", "api", "replays"),
    "/recordgbx": ("all", "files", "record"),
    "/trackgbx": ("all", "files", "track"),
}


@dataclass(frozen=True)
class _Planned:
    rule: Rule
    fault: Fault
    areas: frozenset[str]


class FaultPlan:
    """The faults in force. The first one that applies to a request is the one that happens."""

    def __init__(self, texts: Sequence[str], seed: int, clock: Callable[[], float]) -> None:
        """Raises BadFault for a text that is none."""
        self.texts = list(texts)
        self._planned = [_plan(parse_rule(text)) for text in texts]
        self._seed = seed
        self._clock = clock
        self._since = clock()
        self._tries: Counter[str] = Counter()
        self._happened: Counter[int] = Counter()

    def apply(self, request: Request, serve: Serve) -> Response:
        """The answer to a request, made by `serve` and then spoiled if its time has come."""
        if not self._planned:
            return serve(request)
        attempt = self._tries[request.target]
        self._tries[request.target] += 1
        areas, item = _area_and_item(request)
        for number, planned in enumerate(self._planned):
            if planned.areas.isdisjoint(areas) or not self._strikes(
                number, planned.rule, request.target, attempt, item
            ):
                continue
            self._happened[number] += 1
            left_s = planned.rule.at_s + planned.rule.for_s - (self._clock() - self._since)
            spoiled = planned.fault.make(Case(planned.rule, request, serve, left_s))
            return replace(spoiled, fault=planned.rule.name)
        return serve(request)

    def _strikes(self, number: int, rule: Rule, target: str, attempt: int, item: int | None) -> bool:
        age_s = self._clock() - self._since
        if not rule.at_s <= age_s < rule.at_s + rule.for_s:
            return False
        if rule.times is not None and self._happened[number] >= rule.times:
            return False
        if rule.item is not None and rule.item != item:
            return False
        if rule.first is None:
            return fraction(self._seed, number, rule.name, target, attempt) < rule.share
        return attempt < rule.first and fraction(self._seed, number, rule.name, target) < rule.share


def _plan(rule: Rule) -> _Planned:
    fault = fault_of(rule)
    return _Planned(rule, fault, frozenset(rule.on or fault.areas))


def _area_and_item(request: Request) -> tuple[tuple[str, ...], int | None]:
    head, _, last = request.path.rpartition("/")
    if last.isdecimal() and head in _AREAS:
        return _AREAS[head], int(last)
    wanted = dict(request.parameters()).get("trackid", "")
    return _AREAS.get(request.path, ("all",)), int(wanted) if wanted.isdecimal() else None
