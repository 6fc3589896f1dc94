"""The exchange's track list as rows: walking it, storing it, ranking it, adding single tracks."""
