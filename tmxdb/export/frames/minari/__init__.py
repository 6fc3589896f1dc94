"""Minari data sets: `episodes.py` writes a shard of episodes, `meta.py` the files that make a data set of each part."""
