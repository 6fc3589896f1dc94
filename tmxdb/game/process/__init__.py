"""Starting games, and finding and ending their processes."""
