"""The database: models, connections, migrations. Knows nothing of jobs, the exchange or files."""
