"""The worker loop: one process that claims rows, runs the jobs in threads and writes their outcomes back."""
