"""The plugin's side of the wire: one client, greeted, told each tick, and obeyed while the game stands still."""
