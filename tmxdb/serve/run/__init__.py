"""What the page of a replay shows of its files: channels over time, and frames."""
