"""The plugin: it greets a client, sends it each tick, and handles its messages while the game stands still."""
