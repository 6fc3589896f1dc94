"""Which part of a data set a run belongs to: a pure function of its map, so that no map is in two parts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from tmxdb.errors import UsageError


def parse_split(text: str) -> dict[str, float]:
    """Parse `train=0.8,val=0.1,test=0.1` into shares by name. The shares are divided by their sum.

    Raise UsageError for any other text.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not (name.isascii() and name.isidentifier()) or name in shares or not 0 < value < math.inf:
            raise UsageError(f"--split {text}: write it like train=0.8,val=0.1,test=0.1.", code="input.split")
        shares[name] = value
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def split_of(shares: Mapping[str, float], *, map_uid: str, track_id: int, seed: int) -> str:
    """Return the part of everything driven on this map.

    A hash of the map decides. A map keeps its part when others are added, and two tracks with the same map (the sites
    share some, and some are uploaded twice) are always in the same part. Without a uid the track decides.
    """
    key = f"{seed}:map {map_uid}" if map_uid else f"{seed}:track {track_id}"
    position = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    names = list(shares)
    for name in names[:-1]:
        position -= shares[name]
        if position < 0:
            return name
    return names[-1]
