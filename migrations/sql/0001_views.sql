-- Views of the first schema, the same on SQLite and PostgreSQL. Statements end with a line of dashes.

CREATE VIEW jobs AS
SELECT 'list' AS kind, track_id AS item_id, track_id, status, priority, attempts, available_at,
       claimed_by, lease_until, error_code, error, finished_at FROM tracks
UNION ALL
SELECT 'download', replay_id, track_id, status, priority, attempts, available_at,
       claimed_by, lease_until, error_code, error, finished_at FROM replays
UNION ALL
SELECT 'extract', track_id, track_id, status, priority, attempts, available_at,
       claimed_by, lease_until, error_code, error, finished_at FROM maps
UNION ALL
SELECT 'capture', capture_id, track_id, status, priority, attempts, available_at,
       claimed_by, lease_until, error_code, error, finished_at FROM captures
---
CREATE VIEW missing AS
SELECT kind, item_id, jobs.track_id, tracks.name AS track_name, jobs.status, jobs.attempts,
       jobs.error_code, jobs.error
FROM jobs LEFT JOIN tracks ON tracks.track_id = jobs.track_id
WHERE jobs.status <> 'done'
---
CREATE VIEW failures AS
SELECT kind, status, error_code, count(*) AS n, min(item_id) AS example_id, min(error) AS example
FROM jobs
WHERE error_code IS NOT NULL AND status IN ('failed', 'skipped', 'retry')
GROUP BY kind, status, error_code
---
CREATE VIEW progress AS
SELECT kind, status, CAST(sum(n) AS BIGINT) AS n FROM tally GROUP BY kind, status HAVING sum(n) <> 0
---
CREATE VIEW leaderboard AS
SELECT replays.track_id, tracks.name AS track_name, replays.position + 1 AS rank, replays.user_name,
       replays.site_time_ms, replays.site_score, replays.replay_at, replays.replay_id,
       replays.status, replays.file_path
FROM replays JOIN tracks ON tracks.track_id = replays.track_id
WHERE replays.position IS NOT NULL
---
CREATE VIEW track_progress AS
SELECT tracks.track_id, tracks.name, tracks.awards, tracks.status AS listing, count(replays.replay_id) AS replays,
       sum(CASE WHEN replays.status = 'done' THEN 1 ELSE 0 END) AS downloaded,
       sum(CASE WHEN replays.status IN ('failed', 'skipped') THEN 1 ELSE 0 END) AS given_up,
       maps.status AS map, maps.file_path AS map_path
FROM tracks
LEFT JOIN replays ON replays.track_id = tracks.track_id
LEFT JOIN maps ON maps.track_id = tracks.track_id
GROUP BY tracks.track_id, tracks.name, tracks.awards, tracks.status, maps.status, maps.file_path
