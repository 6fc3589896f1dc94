"""Commands that check, copy and upgrade a database."""
