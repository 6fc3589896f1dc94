-- For each job table ({table}, {kind}): the tally follows every change of a status.

CREATE TRIGGER tally_{table}_insert AFTER INSERT ON {table}
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_changes('{kind}')
---
CREATE TRIGGER tally_{table}_update AFTER UPDATE ON {table}
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_changes('{kind}')
---
CREATE TRIGGER tally_{table}_delete AFTER DELETE ON {table}
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION tally_changes('{kind}')
