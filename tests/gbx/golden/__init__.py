"""Real and written files with expected values."""
