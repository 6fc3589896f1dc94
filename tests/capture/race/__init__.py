"""How a capture drives."""
