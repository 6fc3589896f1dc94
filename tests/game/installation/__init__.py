"""The game's folders and process."""
