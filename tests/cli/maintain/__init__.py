"""Commands that maintain a database."""
