"""The exchange's track list as rows: walk it, store it, rank it, add single tracks."""
