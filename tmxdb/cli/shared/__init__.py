"""What the commands share: output, progress, signals, logs, ids, times."""
