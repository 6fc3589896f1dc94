"""Files that are damaged or cannot be read."""
