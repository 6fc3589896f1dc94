"""The only door to the exchange: what to ask, how to ask it politely, and what the answers mean."""
