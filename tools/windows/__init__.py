"""tmxdb under Windows' Python on Linux, with Wine: `python3 run.py windows`."""
