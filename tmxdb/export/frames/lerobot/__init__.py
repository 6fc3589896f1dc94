"""LeRobot data sets, version 3.0: `rows.py` writes a shard, `meta.py` the files that describe a part."""
