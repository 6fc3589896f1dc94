"""Films of runs: captured frames with what the driver did, or the driven lines from above.

`runs.py` collects what is known of a run, `gauges.py` draws its state, `side_by_side.py` and `above.py` draw one
picture of a film, `film.py` encodes them.
"""
