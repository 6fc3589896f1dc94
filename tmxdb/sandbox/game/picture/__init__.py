"""The picture: a road, a car and its speed for people, and black and white cells that a program can read back.

seen = read_back(rgb, width, height)
seen.race_time_ms, seen.map_key == map_key_of(uid)
"""

from tmxdb.sandbox.game.picture.code import Seen, map_key_of, read_back

__all__ = ["Seen", "map_key_of", "read_back"]
