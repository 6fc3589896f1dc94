"""Class ids of game objects: old ids are mapped to new ones, so that everything else dispatches on new ids only.

A class id has its class in the upper 20 bits; a chunk id adds the number of the chunk in the lower 12. A TMF file may
have an old class id and new chunk ids: docs/facts/gbx.md#class-ids.
"""

from __future__ import annotations

from functools import lru_cache

CHALLENGE = 0x03043000
REPLAY = 0x03093000
GHOST = 0x03092000
GHOST_SAMPLES = 0x0303F000
COLLECTOR_LIST = 0x0301B000
PARAMETERS = 0x0305B000
BLOCK = 0x03057000
BLOCK_SKIN = 0x03059000
CLIP = 0x03079000
CLIP_GROUP = 0x0307A000
TRACK = 0x03078000

_NEW_ID = {
    0x24003000: CHALLENGE,
    0x2403F000: REPLAY,
    0x2407E000: REPLAY,
    0x2401B000: GHOST,
    0x2403C000: COLLECTOR_LIST,
    0x2400C000: PARAMETERS,
    0x24007000: BLOCK,
    0x2403A000: BLOCK_SKIN,
    0x24076000: CLIP,
    0x24077000: CLIP_GROUP,
    0x24061000: TRACK,
    0x24062000: TRACK,
    0x0307B000: TRACK,
    # media blocks: not all of them were seen in files
    0x2405A000: 0x03080000,
    0x2405F000: 0x03081000,
    0x2406B000: 0x03082000,
    0x240CF000: 0x03083000,
    0x2406D000: 0x03084000,
    0x24066000: 0x03085000,
    0x2408B000: 0x0309F000,
    0x24070000: 0x030A0000,
    0x2407A000: 0x030A1000,
    0x24067000: 0x030A2000,
    0x24088000: 0x030A4000,
    0x24081000: 0x030A5000,
    0x24089000: 0x030A6000,
    0x2406F000: 0x030A7000,
    0x24068000: 0x030A8000,
    0x24075000: 0x030A9000,
    0x24083000: 0x030AB000,
}

_CLASS = 0xFFFFF000

_NAMES = {CHALLENGE: "map", REPLAY: "replay", GHOST: "ghost"}


@lru_cache(4096)
def new_id(class_or_chunk_id: int) -> int:
    """Return the id that TMF uses for a class or chunk of any game."""
    class_id = class_or_chunk_id & _CLASS
    return _NEW_ID.get(class_id, class_id) | (class_or_chunk_id & 0xFFF)


def class_name(class_id: int) -> str:
    """Return the name of a class as messages use it."""
    return _NAMES.get(new_id(class_id), f"class {class_id:08X}")
