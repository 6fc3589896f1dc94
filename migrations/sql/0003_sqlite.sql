-- A place in SQLite's tally for each kind and status, also where nothing is counted yet.

INSERT INTO tally (kind, status, n)
SELECT kinds.column1, statuses.column1, 0
FROM (VALUES ('list'), ('download'), ('extract'), ('capture')) AS kinds,
     (VALUES ('pending'), ('running'), ('retry'), ('done'), ('failed'), ('skipped')) AS statuses
WHERE NOT EXISTS (SELECT 1 FROM tally WHERE tally.kind = kinds.column1 AND tally.status = statuses.column1
                  AND tally.error_code = '')
