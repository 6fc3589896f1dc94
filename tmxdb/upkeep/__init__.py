"""Keeping a database healthy: a row's story, files against rows, a copy kept aside, the move to another engine."""
