"""The game around the plugin: its folders, its console, its screens and its races."""
