"""Everything that goes wrong with a game, on request: `NAME[:SHARE%][:key=value]…`.

docs/sandbox-game.md shows the table.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import WrongUsage
from tmxdb.sandbox.catalogue.draws import fraction


@dataclass(frozen=True)
class Fault:
    """`chance`: at what it may strike: once a `start` of the game, each `load` of a map, each `race`, each `frame`."""

    help: str
    chance: str
    at_ms: int = 1000
    seconds: float = math.inf
    count: int = 5


FAULTS = {
    "slow-start": Fault("the start-up screens take `s=` seconds (10)", "start", seconds=10),
    "no-start": Fault("no run step ever comes on this map", "load"),
    "intro": Fault("an intro that nothing skips, for `s=` seconds (for ever)", "load"),
    "no-index": Fault("the game does not know the map: accepted, never loaded", "load"),
    "wrong-map": Fault("another map is loaded, if there is one", "load"),
    "stale-steps": Fault("`n=` more steps of the old race (20) after `map`", "load", count=20),
    "stale-clock": Fault("the first `n=` steps (5) have the old race's clock", "load", count=5),
    "parked": Fault("the car stands: the script is ignored", "race"),
    "desync": Fault("the finish comes `ms=` later (230), never with `ms=0`", "race"),
    "rewind": Fault("at `at=` the race time jumps back by `ms=`, to the countdown without it", "race"),
    "end-dialog": Fault("the end dialog comes at the finish, without one frozen step", "race"),
    "freeze": Fault("at `at=` the game stands still for `s=` seconds (5)", "race", seconds=5),
    "plugin-gone": Fault("at `at=` the connection breaks and nobody listens, for `s=` seconds (for ever)", "race"),
    "game-dead": Fault("at `at=` the process ends", "race"),
    "script-error": Fault("at `at=` a callback of the plugin ends in the middle of its wait", "race"),
    "second-client": Fault("at `at=` somebody else connects, for `s=` seconds (0)", "race", seconds=0),
    "checkpoint-order": Fault("checkpoint messages come on the other side of the run step", "race"),
    "lap-messages": Fault("a lap message follows every checkpoint message", "race"),
    "fast-countdown": Fault("without `set countdown_speed 1`, what is pressed at 0 is lost", "race"),
    "late-frames": Fault("a frame comes `n=` rendered frames late (3)", "frame", count=3),
    "lost-frames": Fault("a frame that was asked for never comes", "frame"),
    "wrong-size": Fault("a frame has half of its bytes", "frame"),
}


@dataclass(frozen=True)
class Rule:
    """When a fault strikes. With `first` the share is of the maps: the unlucky ones are struck at their first
    chances and then never again; without it each chance is taken anew."""

    text: str
    name: str
    share: float = 1.0
    first: int | None = None
    times: int | None = None
    map: str = ""
    at_ms: int = 1000
    seconds: float = math.inf
    count: int = 5
    ms: int | None = None


def parse_rule(text: str) -> Rule:
    """Raises WrongUsage with a sentence for a text that is no fault."""
    name, *rest = text.strip().split(":")
    if name not in FAULTS:
        raise WrongUsage(f"fault {text!r}: there is no {name!r}; take one of {', '.join(FAULTS)}.")
    known = FAULTS[name]
    values: dict[str, object] = {"at_ms": known.at_ms, "seconds": known.seconds, "count": known.count}
    for part in rest:
        key, equals, value = part.partition("=")
        if part.endswith("%") and not equals:
            values["share"] = _number(text, part[:-1], at_most=100) / 100
        elif key == "map" and equals:
            values["map"] = value.lower()
        elif key in _KEYS and equals:
            field, whole = _KEYS[key]
            number = _number(text, value)
            values[field] = int(number) if whole else number
        else:
            keys = ", ".join([*_KEYS, "map"])
            raise WrongUsage(f"fault {text!r}: {part!r} is neither a share like 3% nor one of {keys} with =VALUE.")
    return Rule(text, name, **values)  # type: ignore[arg-type]


_KEYS = {
    "first": ("first", True),
    "times": ("times", True),
    "at": ("at_ms", True),
    "s": ("seconds", False),
    "n": ("count", True),
    "ms": ("ms", True),
}


def _number(text: str, value: str, *, at_most: float = 1e9) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= at_most:
        raise WrongUsage(f"fault {text!r}: {value!r} is no number from 0 to {at_most:g}.")
    return number


class FaultPlan:
    """The faults in force. Chance is decided by seed, map and how often it was tried, never by the wall clock."""

    def __init__(self, texts: Sequence[str], seed: int, memory_file: str | None = None) -> None:
        """Raises WrongUsage for a text that is none."""
        self.texts = list(texts)
        self._rules = [parse_rule(text) for text in texts]
        self._seed = seed
        self._tried: Counter[str] = Counter()
        self._happened: Counter[str] = Counter()
        self._memory = Path(memory_file) if memory_file else None
        if self._memory is not None:
            with contextlib.suppress(OSError, ValueError):
                kept = json.loads(self._memory.read_text("utf-8"))
                self._tried, self._happened = Counter(kept["tried"]), Counter(kept["happened"])

    def strike(self, name: str, map_name: str) -> Rule | None:
        """The rule of this name that strikes now, at this one chance."""
        for number, rule in enumerate(self._rules):
            if rule.name != name or rule.map not in map_name.lower():
                continue
            key = f"{number} {rule.text} {map_name}"
            tried = self._tried[key]
            self._tried[key] += 1
            if self._strikes(number, rule, map_name, tried):
                self._happened[f"{number} {rule.text}"] += 1
                self._remember()
                return rule
        return None

    def _strikes(self, number: int, rule: Rule, map_name: str, tried: int) -> bool:
        if rule.times is not None and self._happened[f"{number} {rule.text}"] >= rule.times:
            return False
        if rule.first is None:
            return fraction(self._seed, number, rule.name, map_name, tried) < rule.share
        return tried < rule.first and fraction(self._seed, number, rule.name, map_name) < rule.share

    def _remember(self) -> None:
        if self._memory is not None:
            with contextlib.suppress(OSError):
                self._memory.write_text(json.dumps({"tried": self._tried, "happened": self._happened}), "utf-8")
