"""The picture: a road, a car and its speed for people, and black and white cells for programs.

label = read_back(rgb, width, height)
label.race_time_ms, label.map_key == map_key_of(uid)
"""

from tmxdb_sandbox.game.picture.code import PictureLabel, map_key_of, read_back

__all__ = ["PictureLabel", "map_key_of", "read_back"]
