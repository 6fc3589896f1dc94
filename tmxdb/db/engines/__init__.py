"""How each engine is opened: SQLite files and PostgreSQL servers. `tmxdb.db.database` is the only caller."""
