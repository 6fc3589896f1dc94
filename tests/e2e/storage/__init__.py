"""Databases, disks and folders that change or fail during a run."""
