"""The contents of the simulated exchange: tracks, drivers and replays as pure functions of a seed and a number."""
