"""Option groups that several commands share, each a frozen dataclass that is read once and passed on."""
