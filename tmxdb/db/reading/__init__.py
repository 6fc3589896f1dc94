"""Reading the database in plain SQL, as fast to start as the engine allows."""
