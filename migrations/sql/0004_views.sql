-- `jobs` takes the lease from the worker, where it belongs now; `politeness` keeps the old name of `rate_limit` readable.

CREATE VIEW jobs AS
SELECT kind, item_id, track_id, status, priority, attempts, available_at, claimed_by,
       (SELECT workers.lease_until FROM workers WHERE workers.worker_id = claimed_by) AS lease_until,
       error_code, error, finished_at
FROM (
  SELECT 'list' AS kind, track_id AS item_id, track_id, status, priority, attempts, available_at,
         claimed_by, error_code, error, finished_at FROM tracks
  UNION ALL
  SELECT 'download', replay_id, track_id, status, priority, attempts, available_at,
         claimed_by, error_code, error, finished_at FROM replays
  UNION ALL
  SELECT 'extract', track_id, track_id, status, priority, attempts, available_at,
         claimed_by, error_code, error, finished_at FROM maps
  UNION ALL
  SELECT 'capture', capture_id, track_id, status, priority, attempts, available_at,
         claimed_by, error_code, error, finished_at FROM captures
) AS all_jobs
---
CREATE VIEW missing AS
SELECT kind, item_id, jobs.track_id, tracks.name AS track_name, jobs.status, jobs.attempts,
       jobs.error_code, jobs.error
FROM jobs LEFT JOIN tracks ON tracks.track_id = jobs.track_id
WHERE jobs.status <> 'done'
---
CREATE VIEW politeness AS
SELECT id, rate, next_slot_ms, paused_until_ms, reason FROM rate_limit
