"""Drivers and authors: the website's account, and the game's login and nickname behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tmxdb.sandbox.catalogue.draws import draws
from tmxdb.sandbox.catalogue.words import HOSTILE_NAMES, user_names

# Primes, so that any stride through the drivers meets each of them once before it comes round.
_CROWDS = (211, 2003, 20_011, 200_003, 2_000_003)
_FIRST_ID, _ID_STEP = 1003, 13
_HOSTILE_PART = 1300  # of 65536: 2 %
_NICKNAME_LENGTH = 60  # the game has a limit near this; the website knows none


@dataclass(frozen=True, slots=True)
class User:
    user_id: int
    name: str
    login: str
    nickname: str


def crowd(most_replays: int) -> int:
    """How many drivers there are: enough for one replay each on any track, few enough to meet again on others."""
    return next((size for size in _CROWDS if size > most_replays), _CROWDS[-1])


@lru_cache(maxsize=1 << 14)
def user(seed: int, number: int, plain: bool = False) -> User:
    """The `number`-th account."""
    _, draw_a, draw_b, odd, which, *_ = draws(seed, "user", number)
    name, login, nickname = user_names(number, draw_a, draw_b)
    if odd < _HOSTILE_PART and not plain:
        name = HOSTILE_NAMES[which % len(HOSTILE_NAMES)] or name  # the site insists on a name, the game does not
        nickname = HOSTILE_NAMES[which % len(HOSTILE_NAMES)][:_NICKNAME_LENGTH]
    return User(_FIRST_ID + number * _ID_STEP, name, login, nickname)
