"""The car and its inputs at every tick of a captured run, in one file beside its frames."""
