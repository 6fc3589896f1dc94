"""The faults of the stand-in game: `NAME[:SHARE%][:key=value]…`. docs/reference/sandbox-game.md has the table."""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tmxdb.errors import UsageError
from tmxdb_sandbox.catalogue.draws import fraction


@dataclass(frozen=True)
class GameFault:
    """`chance`: when it may happen: at each `start` of the game, `load` of a map, `race` or `frame`."""

    help: str
    chance: str
    at_ms: int = 1000
    seconds: float = math.inf
    count: int = 5


FAULTS = {
    "slow-start": GameFault("the start-up screens take `s=` seconds (10)", "start", seconds=10),
    "no-start": GameFault("no run step ever comes on this map", "load"),
    "intro": GameFault("an intro that cannot be skipped, for `s=` seconds (for ever)", "load"),
    "no-index": GameFault("the game does not know the map: it is accepted but never loaded", "load"),
    "wrong-map": GameFault("another map is loaded, if there is one", "load"),
    "stale-steps": GameFault("`n=` more steps of the old race (20) after `map`", "load", count=20),
    "stale-clock": GameFault("the first `n=` steps (5) have the old race's clock", "load", count=5),
    "parked": GameFault("the car stands still: the script is ignored", "race"),
    "desync": GameFault("the finish comes `ms=` later (230), or never with `ms=0`", "race"),
    "rewind": GameFault("at `at=` the race time jumps back by `ms=`, or to the countdown without `ms=`", "race"),
    "end-dialog": GameFault("the end dialog comes at the finish, without a frozen step", "race"),
    "freeze": GameFault("at `at=` the game stands still for `s=` seconds (5)", "race", seconds=5),
    "plugin-gone": GameFault(
        "at `at=` the connection breaks and the port is closed, for `s=` seconds (for ever)", "race"
    ),
    "game-dead": GameFault("at `at=` the process ends", "race"),
    "script-error": GameFault("at `at=` a callback of the plugin fails in the middle of its wait", "race"),
    "second-client": GameFault("at `at=` another client connects, for `s=` seconds (0)", "race", seconds=0),
    "checkpoint-order": GameFault("checkpoint messages come in the other order relative to the run step", "race"),
    "lap-messages": GameFault("a lap message follows every checkpoint message", "race"),
    "fast-countdown": GameFault("without `set countdown_speed 1`, inputs at 0 are lost", "race"),
    "late-frames": GameFault("a frame comes `n=` rendered frames late (3)", "frame", count=3),
    "lost-frames": GameFault("a requested frame never comes", "frame"),
    "wrong-size": GameFault("a frame has half of its bytes", "frame"),
}


@dataclass(frozen=True)
class GameFaultRule:
    """When a fault happens.

    With `first`, `share` is a share of the maps: the chosen ones are hit at their first chances and never again.
    Without it, each chance is independent.
    """

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


def parse_rule(text: str) -> GameFaultRule:
    """Parse a fault. Raise UsageError if it is invalid."""
    name, *rest = text.strip().split(":")
    if name not in FAULTS:
        raise UsageError(f"fault {text!r}: unknown name {name!r}. Known faults: {', '.join(FAULTS)}.")
    known = FAULTS[name]
    values: dict[str, object] = {"at_ms": known.at_ms, "seconds": known.seconds, "count": known.count}
    for part in rest:
        key, equals, value = part.partition("=")
        if part.endswith("%") and not equals:
            values["share"] = _number(text, part[:-1], maximum=100) / 100
        elif key == "map" and equals:
            values["map"] = value.lower()
        elif key in _KEYS and equals:
            field, is_integer = _KEYS[key]
            number = _number(text, value)
            values[field] = int(number) if is_integer else number
        else:
            keys = ", ".join([*_KEYS, "map"])
            raise UsageError(
                f"fault {text!r}: {part!r} is neither a share such as 3% nor KEY=VALUE. Known keys: {keys}."
            )
    return GameFaultRule(text, name, **values)  # type: ignore[arg-type]


_KEYS = {
    "first": ("first", True),
    "times": ("times", True),
    "at": ("at_ms", True),
    "s": ("seconds", False),
    "n": ("count", True),
    "ms": ("ms", True),
}


def _number(text: str, value: str, *, maximum: float = 1e9) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= maximum:
        raise UsageError(f"fault {text!r}: {value!r} is not a number from 0 to {maximum:g}.")
    return number


class GameFaultPlan:
    """The active faults. Chance depends on the seed, the map and the number of tries, not on the wall clock."""

    def __init__(self, texts: Sequence[str], seed: int, memory_file: str | None = None) -> None:
        """Raise UsageError for an invalid fault."""
        self.texts = list(texts)
        self._rules = [parse_rule(text) for text in texts]
        self._seed = seed
        self._tries: Counter[str] = Counter()
        self._happened: Counter[str] = Counter()
        self._memory = Path(memory_file) if memory_file else None
        if self._memory is not None:
            with contextlib.suppress(OSError, ValueError):
                saved = json.loads(self._memory.read_text("utf-8"))
                self._tries, self._happened = Counter(saved["tried"]), Counter(saved["happened"])

    def trigger(self, name: str, map_name: str) -> GameFaultRule | None:
        """Return the rule of this name that happens at this chance; None if none does."""
        for number, rule in enumerate(self._rules):
            if rule.name != name or rule.map not in map_name.lower():
                continue
            key = f"{number} {rule.text} {map_name}"
            tries = self._tries[key]
            self._tries[key] += 1
            if self._triggers(number, rule, map_name, tries):
                self._happened[f"{number} {rule.text}"] += 1
                self._save()
                return rule
        return None

    def _triggers(self, number: int, rule: GameFaultRule, map_name: str, tries: int) -> bool:
        if rule.times is not None and self._happened[f"{number} {rule.text}"] >= rule.times:
            return False
        if rule.first is None:
            return fraction(self._seed, number, rule.name, map_name, tries) < rule.share
        return tries < rule.first and fraction(self._seed, number, rule.name, map_name) < rule.share

    def _save(self) -> None:
        if self._memory is not None:
            with contextlib.suppress(OSError):
                self._memory.write_text(json.dumps({"tried": self._tries, "happened": self._happened}), "utf-8")
