"""Map uids: 27 characters as the game makes them, with the track's index folded in so that a look-up is quick."""

from __future__ import annotations

from hashlib import blake2b

# Real uids have 26 or 27 characters of A-Za-z0-9_ (seen in all files at hand).
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TAIL = 7
_VERSIONS = 64
_ROOM = len(_ALPHABET) ** _TAIL
_STIR = 1_000_003  # shares no factor with 62, so it can be undone


def track_uid(seed: int, index: int, version: int) -> str:
    """The uid of one version of a track's map."""
    head = blake2b(b"%d uid %d %d" % (seed, index, version), digest_size=10).hexdigest()
    tail, number = "", (index * _VERSIONS + version) * _STIR % _ROOM
    for _ in range(_TAIL):
        number, digit = divmod(number, len(_ALPHABET))
        tail += _ALPHABET[digit]
    return head + tail


def indexes_of_uid(uid: str) -> list[int]:
    """The only index whose uid this can be, if any; the caller compares."""
    number = 0
    for digit in reversed(uid[-_TAIL:]):
        if digit not in _ALPHABET:
            return []
        number = number * len(_ALPHABET) + _ALPHABET.index(digit)
    return [number * pow(_STIR, -1, _ROOM) % _ROOM // _VERSIONS]
