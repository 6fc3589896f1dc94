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
class _Try:
    """One request as the rules see it."""

    target: str  # path and query: what counts as one item
    attempt: int  # how often it was asked for before
    areas: tuple[str, ...]
    id: int | None  # of the track or replay, if there is one


class FaultPlan:
    """The faults in force. The first one that applies to a request is the one that happens."""

    def __init__(self, texts: Sequence[str], seed: int, clock: Callable[[], float]) -> None:
        """Raises BadFault for a text that is none."""
        self.texts = list(texts)
        self._rules = [parse_rule(text) for text in texts]
        self._faults = [fault_of(rule) for rule in self._rules]
        self._seed = seed
        self._clock = clock
        self._since = clock()
        self._attempts: Counter[str] = Counter()
        self._happened: Counter[int] = Counter()

    def apply(self, request: Request, serve: Serve) -> Response:
        """The answer to a request, made by `serve` and then spoiled if its time has come."""
        if not self._rules:
            return serve(request)
        this = self._try(request)
        age_s = self._clock() - self._since
        for number, (rule, fault) in enumerate(zip(self._rules, self._faults, strict=True)):
            if self._strikes(number, rule, fault, this, age_s):
                self._happened[number] += 1
                spoiled = fault.make(Case(rule, request, serve, rule.at_s + rule.for_s - age_s))
                return replace(spoiled, fault=rule.name)
        return serve(request)

    def _try(self, request: Request) -> _Try:
        attempt = self._attempts[request.target]
        self._attempts[request.target] += 1
        head, _, last = request.path.rpartition("/")
        if last.isdecimal() and head in _AREAS:
            return _Try(request.target, attempt, _AREAS[head], int(last))
        wanted = dict(request.parameters()).get("trackid", "")
        areas = _AREAS.get(request.path, ("all",))
        return _Try(request.target, attempt, areas, int(wanted) if wanted.isdecimal() else None)

    def _strikes(self, number: int, rule: Rule, fault: Fault, this: _Try, age_s: float) -> bool:
        if not rule.at_s <= age_s < rule.at_s + rule.for_s:
            return False
        if set(rule.on or fault.areas).isdisjoint(this.areas):
            return False
        if rule.item not in (None, this.id) or (rule.times is not None and self._happened[number] >= rule.times):
            return False
        if rule.first is None:
            return fraction(self._seed, number, rule.name, this.target, this.attempt) < rule.share
        return this.attempt < rule.first and fraction(self._seed, number, rule.name, this.target) < rule.share
