"""SQL statements that change the state of rows: claim, settle, recover."""
