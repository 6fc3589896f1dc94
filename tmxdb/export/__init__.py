"""Captured frames as a data set that training programs read: whole runs in shards, split by track.

`plan.py` decides what goes where, `webdataset.py` and `parquet.py` write one shard each, `work.py` writes them all,
goes on where it was interrupted, and checks what it wrote.
"""
