"""The numbers of all advisory locks on PostgreSQL. Two purposes that share a number would wait for each other."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class AdvisoryLock(IntEnum):
    """What a transaction holds. The numbers are text in ASCII: another program may have locks in the same database."""

    MIGRATION = 0x746D786462  # "tmxdb"
    GROUPS = 0x746D7864  # "tmxd"; the first of two keys
    LOCAL_IDS = 0x746D786C  # "tmxl"
    PROCESS_NOTES = 0x746D786E  # "tmxn"
    PROGRESS = 0x746D7870  # "tmxp"
