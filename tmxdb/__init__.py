"""tmxdb: replays and maps of the TrackMania exchanges as a database of jobs that resume by themselves."""

__version__ = "0.1.0"
