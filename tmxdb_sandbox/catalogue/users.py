"""Drivers and authors: the website account with the login and nickname of the game account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tmxdb_sandbox.catalogue.draws import draws
from tmxdb_sandbox.catalogue.names import HOSTILE_NAMES, user_names

# Primes, so that any stride through the drivers visits each of them once before it repeats.
_DRIVER_COUNTS = (211, 2003, 20_011, 200_003, 2_000_003)
_FIRST_ID, _ID_STEP = 1003, 13
_HOSTILE_SHARE = 1300  # of 65536: 2 %
_MAX_NICKNAME = 60  # characters; the game has a similar limit, the website has none


@dataclass(frozen=True, slots=True)
class User:
    user_id: int
    name: str
    login: str
    nickname: str


def driver_count(max_replays: int) -> int:
    """Return how many drivers exist: enough for one replay each on any track, few enough to recur on other tracks."""
    return next((size for size in _DRIVER_COUNTS if size > max_replays), _DRIVER_COUNTS[-1])


@lru_cache(maxsize=1 << 14)
def user(seed: int, number: int, plain: bool = False) -> User:
    """Return account `number`."""
    _, draw_a, draw_b, hostility, which, *_ = draws(seed, "user", number)
    name, login, nickname = user_names(number, draw_a, draw_b)
    if hostility < _HOSTILE_SHARE and not plain:
        name = HOSTILE_NAMES[which % len(HOSTILE_NAMES)] or name  # the site requires a name, the game does not
        nickname = HOSTILE_NAMES[which % len(HOSTILE_NAMES)][:_MAX_NICKNAME]
    return User(_FIRST_ID + number * _ID_STEP, name, login, nickname)
