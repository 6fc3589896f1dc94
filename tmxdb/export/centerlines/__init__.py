"""Centre lines of tracks from the positions of a ghost, as linesight and rulka read them ("virtual checkpoints").

`resampling.py` is the computation, `npy.py` the file format, and `export.py` writes the files of a selection of tracks.
"""
