"""The choice of the fault for each request: by seed, item and attempt, independent of the order of arrival."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tmxdb_sandbox.catalogue.draws import fraction
from tmxdb_sandbox.faults.fault import FaultContext, HttpFault, Serve
from tmxdb_sandbox.faults.rule import HttpFaultRule, parse_rule
from tmxdb_sandbox.faults.table import fault_of
from tmxdb_sandbox.numbers import whole_number
from tmxdb_sandbox.wire.http_messages import Request, Response

_AREAS = {
    "/api/tracks": ("all", "api", "tracks"),
    "/api/replays": ("all", "api", "replays"),
    "/recordgbx": ("all", "files", "record"),
    "/trackgbx": ("all", "files", "track"),
}


@dataclass(frozen=True)
class _Attempt:
    """The properties of a request that rules look at."""

    target: str  # path and query, which identify an item
    number: int  # how many earlier requests had this target
    areas: tuple[str, ...]
    id: int | None  # of the track or replay, if the request has one


class HttpFaultPlan:
    """The active faults. The first one that applies to a request is used."""

    def __init__(self, texts: Sequence[str], seed: int, clock: Callable[[], float]) -> None:
        """Parse all rules. Raise InvalidFaultRule for an invalid one."""
        self.texts = list(texts)
        self._rules = [parse_rule(text) for text in texts]
        self._faults = [fault_of(rule) for rule in self._rules]
        self._seed = seed
        self._clock = clock
        since = clock()
        self._attempts: Counter[str] = Counter()
        self._applied: Counter[int] = Counter()
        self._exempted: Counter[int] = Counter()
        self._start_s = [since for _ in self._rules]

    def respond(self, request: Request, serve: Serve) -> Response:
        """Return the response of `serve`, with a fault if a rule applies to this request."""
        if not self._rules:
            return serve(request)
        attempt = self._attempt(request)
        for number, (rule, fault) in enumerate(zip(self._rules, self._faults, strict=True)):
            if self._matches(number, rule, fault, attempt) and self._is_active(number, rule):
                self._applied[number] += 1
                response = fault.apply(FaultContext(rule, request, serve, self._remaining_s(number, rule)))
                return replace(response, fault=rule.name)
        return serve(request)

    def _attempt(self, request: Request) -> _Attempt:
        number = self._attempts[request.target]
        self._attempts[request.target] += 1
        head, _, last = request.path.rpartition("/")
        if head in _AREAS and (item := whole_number(last)) is not None:
            return _Attempt(request.target, number, _AREAS[head], item)
        track_id = dict(request.parameters()).get("trackid", "")
        areas = _AREAS.get(request.path, ("all",))
        return _Attempt(request.target, number, areas, whole_number(track_id))

    def _matches(self, number: int, rule: HttpFaultRule, fault: HttpFault, attempt: _Attempt) -> bool:
        if set(rule.on or fault.areas).isdisjoint(attempt.areas):
            return False
        if rule.item not in (None, attempt.id):
            return False
        if rule.first is None:
            return fraction(self._seed, number, rule.name, attempt.target, attempt.number) < rule.share
        return attempt.number < rule.first and fraction(self._seed, number, rule.name, attempt.target) < rule.share

    def _is_active(self, number: int, rule: HttpFaultRule) -> bool:
        if self._exempted[number] < rule.after:
            self._exempted[number] += 1
            self._start_s[number] = self._clock()
            return False
        if not rule.at_s <= self._clock() - self._start_s[number] < rule.at_s + rule.for_s:
            return False
        return rule.times is None or self._applied[number] < rule.times

    def _remaining_s(self, number: int, rule: HttpFaultRule) -> float:
        return self._start_s[number] + rule.at_s + rule.for_s - self._clock()
