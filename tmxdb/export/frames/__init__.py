"""Captured frames as a data set for training programs: whole runs in shards, split by map.

`plan.py` decides what goes where, `webdataset.py` and `parquet.py` write one shard each, `sharded_export.py` writes all
of them, continues where it was interrupted, and checks what it wrote.
"""
