"""The game around the plugin: folders, console, screens and races."""
