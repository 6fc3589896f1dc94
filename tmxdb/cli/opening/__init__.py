"""Opening what the options name: the database and its folder, the exchange, the games."""
