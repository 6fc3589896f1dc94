"""Limits of the reader. In brackets: the largest value in 111 replays and 384 maps, from docs/facts/gbx.md#limits.

The limits bound what hostile bytes can cost; each is far above what the games write. Together they keep one read
within 64 MiB plus three times the size of the file.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

MAX_FILE_BYTES = 32 * MIB  # [2.9 MB]
MAX_USER_DATA_BYTES = 1 * MIB  # [22 kB]
MAX_HEADER_CHUNKS = 32  # [5]
MAX_REFERENCES = 1000  # [2]
MAX_FOLDERS = 1000  # [0]
MAX_FOLDER_DEPTH = 16  # [0]

MAX_BODY_BYTES = 16 * MIB  # [3.1 MB, a run of 93 minutes]; the unpacker briefly holds it twice
MAX_LZO_RATIO = 256  # LZO1X can reach about 255:1 [4.8:1; 186:1 in a file built for it]
LZO_RATIO_SLACK = 64 * KIB

MAX_MAP_BYTES = 4 * MIB  # [247 kB]
MAX_STRING_BYTES = 64 * KIB  # [1.2 kB, an XML header]
MAX_NAME_BYTES = 256  # logins and nicknames as stored [58]
MAX_NAMES = 100_000  # id strings of one stream [170]
MAX_CHUNKS = 1000  # of one node [29]
MAX_NODES = 100_000  # [1 432]
MAX_NODE_DEPTH = 32  # [5]
MAX_UNREAD_NOTES = 100  # entries of `unread` [27, in a file of TM2020]

MAX_GHOSTS = 32  # [5]
MAX_CHECKPOINTS = 10_000  # [480]
MAX_CONTROLS = 256  # the index of a control is one byte [32]
MAX_INPUTS = 150_000  # of all ghosts of a file together [76 662]; 170 bytes each as events
MAX_SAMPLE_BYTES = 8 * MIB  # unpacked [3.4 MB]
MAX_SAMPLES = 200_000  # [55 800]
MAX_BLOCKS = 200_000  # [9 127]


def max_body_bytes(packed_bytes: int) -> int:
    """Return the largest plain size that a body of `packed_bytes` can have."""
    return min(MAX_BODY_BYTES, MAX_LZO_RATIO * packed_bytes + LZO_RATIO_SLACK)
