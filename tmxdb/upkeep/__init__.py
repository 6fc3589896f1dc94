"""Maintenance of a database: the history of a row, files against rows, backups, copies to another engine."""
