"""TMInterface 1.4: its shared memory, and its driver."""
