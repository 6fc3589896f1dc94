"""Captured frames as a data set for training programs: whole runs in shards, split by map.

`plan.py` decides what goes where, `formats.py` knows the module of each format, which writes one shard, and
`sharded_export.py` writes all of them, continues where it was interrupted, and checks what it wrote.
"""
