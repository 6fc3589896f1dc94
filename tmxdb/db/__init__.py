"""The database: models, connections, migrations. Does not import queue/, tmx/ or storage/."""
