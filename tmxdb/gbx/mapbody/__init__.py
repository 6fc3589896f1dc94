"""The unpacked body of a map: identity, medals, laps, password, intro.

Layout of the chunks and which game writes which: GBX.NET `CGameCtnChallenge.chunkl`,
`CGameCtnChallengeParameters.chunkl`; checked on 384 maps and the maps in 111 replays.
"""

from __future__ import annotations

from .body import MapBody, read_map_body

__all__ = ["MapBody", "read_map_body"]
