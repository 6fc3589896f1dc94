"""Map uids: 27 characters as the game makes them, with the track's index folded in so that look-ups are fast."""

from __future__ import annotations

from hashlib import blake2b

# Real uids have 26 or 27 characters of A-Za-z0-9_ (true of every sample file).
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_INDEX_DIGITS = 7
_VERSIONS = 64
_MODULUS = len(_ALPHABET) ** _INDEX_DIGITS
_MULTIPLIER = 1_000_003  # coprime to 62, so that it has an inverse


def track_uid(seed: int, index: int, version: int) -> str:
    """Return the uid of one version of a track's map."""
    head = blake2b(b"%d uid %d %d" % (seed, index, version), digest_size=10).hexdigest()
    tail, number = "", (index * _VERSIONS + version) * _MULTIPLIER % _MODULUS
    for _ in range(_INDEX_DIGITS):
        number, digit = divmod(number, len(_ALPHABET))
        tail += _ALPHABET[digit]
    return head + tail


def indexes_of_uid(uid: str) -> list[int]:
    """Return the only index that this uid can belong to, if any. The caller must compare the uids."""
    number = 0
    for digit in reversed(uid[-_INDEX_DIGITS:]):
        if digit not in _ALPHABET:
            return []
        number = number * len(_ALPHABET) + _ALPHABET.index(digit)
    return [number * pow(_MULTIPLIER, -1, _MODULUS) % _MODULUS // _VERSIONS]
