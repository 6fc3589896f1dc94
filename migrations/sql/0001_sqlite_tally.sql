-- For each job table ({table}, {kind}): the tally follows every change of a status.

CREATE TRIGGER tally_{table}_insert AFTER INSERT ON {table} BEGIN
  UPDATE tally SET n = n + 1 WHERE kind = '{kind}' AND status = NEW.status;
END
---
CREATE TRIGGER tally_{table}_update AFTER UPDATE OF status ON {table} WHEN OLD.status <> NEW.status BEGIN
  UPDATE tally SET n = n - 1 WHERE kind = '{kind}' AND status = OLD.status;
  UPDATE tally SET n = n + 1 WHERE kind = '{kind}' AND status = NEW.status;
END
---
CREATE TRIGGER tally_{table}_delete AFTER DELETE ON {table} BEGIN
  UPDATE tally SET n = n - 1 WHERE kind = '{kind}' AND status = OLD.status;
END
