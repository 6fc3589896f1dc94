"""The car: its inputs at each tick, the recorded run that they match, its motion, and the bytes of its state."""
