"""What a person wants to know of the database: counts, rates, time left, failures."""
