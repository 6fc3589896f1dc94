"""Which part of a data set a track belongs to: a pure function of its map, so that no map is in two parts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from tmxdb.errors import WrongUsage


def parse_split(text: str) -> dict[str, float]:
    """`train=0.8,val=0.1,test=0.1` as shares by name; shares may be any numbers, their sum counts as the whole.

    Raises WrongUsage if it can not mean that.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not (name.isascii() and name.isidentifier()) or name in shares or not 0 < value < math.inf:
            raise WrongUsage(f"--split {text}: write it like train=0.8,val=0.1,test=0.1.", code="input.split")
        shares[name] = value
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def split_of(shares: Mapping[str, float], *, map_uid: str | None, track_id: int, seed: int) -> str:
    """The part that everything driven on this map belongs to.

    A hash of the map decides: it stays where it is when others are added, and two tracks that have the same
    map (the sites share some, and people upload twice) never end on two sides.
    """
    key = f"{seed}:map {map_uid}" if map_uid else f"{seed}:track {track_id}"
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    names = list(shares)
    for name in names[:-1]:
        place -= shares[name]
        if place < 0:
            return name
    return names[-1]
