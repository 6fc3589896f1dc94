"""Which part of a data set a run belongs to: a function of its map, so that no map is in two parts; or rulka's rule."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Mapping

from tmxdb.errors import UsageError

SPLIT_RULES = ("map", "track-shuffle")
SUM_TOLERANCE = 0.015
"""How far the sum of shares may be from 1: three parts of 0.33 leave 0.01."""


def parse_split(text: str) -> dict[str, float]:
    """Parse `train=0.8,val=0.1,test=0.1` into shares by name. Whole numbers (`train=8,val=2`) are divided by their sum.

    Raise UsageError for any other text: with other shares, it would not be known what the rest is for.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not (name.isascii() and name.isidentifier()) or not 0 < value < math.inf:
            raise UsageError(f"--split {text}: write it like train=0.8,val=0.1,test=0.1.", code="input.split")
        if name in shares:
            raise UsageError(f"--split {text}: {name} is given twice. Name each part once.", code="input.split")
        shares[name] = value
    total = sum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE and not all(share.is_integer() for share in shares.values()):
        raise UsageError(
            f"--split {text}: the shares add up to {total:g}, not 1. Name a part for the rest, or write whole numbers,"
            " such as train=8,val=1,test=1.",
            code="input.split",
        )
    return {name: share / total for name, share in shares.items()}


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


def shuffled_tracks(shares: Mapping[str, float], track_ids: Iterable[int], *, seed: int) -> dict[int, str]:
    """Return the part of each track by rulka's rule: docs/facts/training.md#splits.

    The ids, sorted as text, are shuffled. Each part but the first takes the next `int(tracks * share)` of them, at
    least one; the first part has the others, and at least one. Another track changes everything, and two tracks with
    the same map may be in two parts.
    """
    names = sorted({str(track_id) for track_id in track_ids})
    random.Random(seed).shuffle(names)
    first, *others = shares
    parts = dict.fromkeys(names, first)
    begin = 0
    for part in others:
        end = min(begin + max(1, int(len(names) * shares[part])), len(names) - 1)
        parts |= dict.fromkeys(names[begin:end], part)
        begin = end
    return {int(name): part for name, part in parts.items()}
