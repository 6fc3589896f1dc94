-- For each job table ({table}, {kind}): the tally follows every change of a status, an error code or a file's size.
-- Rows without an error code have their places in the tally from the start; only the others look whether there is one:
-- with the look in each trigger a job would take 11 us instead of 9.

CREATE TRIGGER tally_{table}_insert AFTER INSERT ON {table} WHEN NEW.error_code IS NULL BEGIN
  UPDATE tally SET n = n + 1, bytes = bytes + coalesce({new_bytes}, 0)
  WHERE kind = '{kind}' AND status = NEW.status AND error_code = '';
END
---
CREATE TRIGGER tally_{table}_insert_error AFTER INSERT ON {table} WHEN NEW.error_code IS NOT NULL BEGIN
  INSERT INTO tally (kind, status, error_code, n) SELECT '{kind}', NEW.status, NEW.error_code, 0 WHERE NOT EXISTS
    (SELECT 1 FROM tally WHERE kind = '{kind}' AND status = NEW.status AND error_code = NEW.error_code);
  UPDATE tally SET n = n + 1, bytes = bytes + coalesce({new_bytes}, 0)
  WHERE kind = '{kind}' AND status = NEW.status AND error_code = NEW.error_code;
END
---
CREATE TRIGGER tally_{table}_update AFTER UPDATE OF status{and_bytes} ON {table}
WHEN OLD.error_code IS NULL AND NEW.error_code IS NULL
  AND (OLD.status <> NEW.status OR {old_bytes} IS NOT {new_bytes}) BEGIN
  UPDATE tally SET n = n - 1, bytes = bytes - coalesce({old_bytes}, 0)
  WHERE kind = '{kind}' AND status = OLD.status AND error_code = '';
  UPDATE tally SET n = n + 1, bytes = bytes + coalesce({new_bytes}, 0)
  WHERE kind = '{kind}' AND status = NEW.status AND error_code = '';
END
---
CREATE TRIGGER tally_{table}_update_error AFTER UPDATE OF status, error_code{and_bytes} ON {table}
WHEN (OLD.error_code IS NOT NULL OR NEW.error_code IS NOT NULL)
  AND (OLD.status <> NEW.status OR OLD.error_code IS NOT NEW.error_code OR {old_bytes} IS NOT {new_bytes}) BEGIN
  UPDATE tally SET n = n - 1, bytes = bytes - coalesce({old_bytes}, 0)
  WHERE kind = '{kind}' AND status = OLD.status AND error_code = coalesce(OLD.error_code, '');
  INSERT INTO tally (kind, status, error_code, n) SELECT '{kind}', NEW.status, NEW.error_code, 0
  WHERE NEW.error_code IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM tally WHERE kind = '{kind}' AND status = NEW.status AND error_code = NEW.error_code);
  UPDATE tally SET n = n + 1, bytes = bytes + coalesce({new_bytes}, 0)
  WHERE kind = '{kind}' AND status = NEW.status AND error_code = coalesce(NEW.error_code, '');
END
---
CREATE TRIGGER tally_{table}_delete AFTER DELETE ON {table} BEGIN
  UPDATE tally SET n = n - 1, bytes = bytes - coalesce({old_bytes}, 0)
  WHERE kind = '{kind}' AND status = OLD.status AND error_code = coalesce(OLD.error_code, '');
END
