"""Long bodies of commands that write pictures."""
