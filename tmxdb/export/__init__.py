"""Data sets for other programs: captured frames in shards, centre lines of tracks, and tables as files or as a lake."""
