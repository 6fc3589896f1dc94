"""What the stand-in knows: tracks, drivers and replays as pure functions of a seed and a number."""
