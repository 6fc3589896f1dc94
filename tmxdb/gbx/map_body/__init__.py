"""The unpacked body of a map: identity, medals, laps, password, intro, blocks.

Chunks and the games that write them: docs/facts/gbx.md#map-body.
"""

from __future__ import annotations

from tmxdb.gbx.map_body.blocks import Block
from tmxdb.gbx.map_body.body import MapBody, read_map_body

__all__ = ["Block", "MapBody", "read_map_body"]
