"""Tables as folders of files, for DuckDB, polars, pandas and other programs: a lake.

`layout.py` divides a table into files, `shard.py` writes one of them in a process, `records.py` remembers what was
written, `export.py` does all of it and continues, and `card.py` and `check.py` describe and verify the result.
"""
