"""How each engine is opened: SQLite files and PostgreSQL servers. `tmxdb.db.engine` is the only caller."""
