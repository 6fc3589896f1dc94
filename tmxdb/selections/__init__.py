"""Selections: sets of tracks with a name, kept in the database. How they are chosen, and which tracks they contain."""
