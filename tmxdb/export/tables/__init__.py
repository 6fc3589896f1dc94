"""Tables of the database as Parquet, CSV or JSON lines, for DuckDB, polars, pandas and other programs.

`sources.py` says which tables there are and reads them page by page; `writers.py` writes each format. Memory stays
flat: a page of rows at a time.
"""
