-- Answers with names, for both engines. Statements end with a line of dashes.

CREATE VIEW leaderboard AS
SELECT replays.track_id, tracks.name AS track_name, CAST(replays.position AS BIGINT) + 1 AS rank, replays.user_id, replays.user_name,
       replays.site_time_ms,
       replays.site_time_ms - (SELECT min(best.site_time_ms) FROM replays AS best
                               WHERE best.track_id = replays.track_id AND best.position = 0) AS gap_ms,
       replays.site_score, replays.device, coalesce(replays.respawns, replays.site_respawns) AS respawns,
       replays.replay_at, replays.replay_id, replays.status, replays.file_path
FROM replays JOIN tracks ON tracks.track_id = replays.track_id
WHERE replays.position IS NOT NULL
---
CREATE VIEW drivers AS
SELECT user_id, user_name, count(*) AS replays, count(DISTINCT track_id) AS tracks,
       sum(CASE WHEN position = 0 THEN 1 ELSE 0 END) AS records
FROM replays
WHERE user_name IS NOT NULL
GROUP BY user_name, user_id
---
CREATE VIEW keyboard_runs AS
SELECT replays.track_id, tracks.name AS track_name, replays.replay_id, replays.user_id, replays.user_name,
       replays.race_time_ms, replays.respawns, CAST(replays.position AS BIGINT) + 1 AS rank, replays.replay_at, replays.file_path
FROM replays JOIN tracks ON tracks.track_id = replays.track_id
WHERE replays.device = 'keyboard' AND replays.finished
---
CREATE VIEW keyboard_records AS
SELECT tracks.track_id, tracks.name AS track_name, replays.replay_id, replays.user_id, replays.user_name,
       replays.race_time_ms, replays.respawns, CAST(replays.position AS BIGINT) + 1 AS rank, replays.replay_at, replays.file_path
FROM tracks JOIN replays ON replays.replay_id = (
  SELECT run.replay_id FROM replays AS run
  WHERE run.device = 'keyboard' AND run.track_id = tracks.track_id AND run.finished AND run.race_time_ms IS NOT NULL
  ORDER BY run.race_time_ms, run.replay_id LIMIT 1)
---
-- One group for each track, in the order of the key: a query with LIMIT reads no more tracks than it shows.
CREATE VIEW track_progress AS
SELECT tracks.track_id, tracks.name, tracks.awards, tracks.status AS listing, count(replays.replay_id) AS replays,
       coalesce(sum(CASE WHEN replays.status = 'done' THEN 1 ELSE 0 END), 0) AS downloaded,
       coalesce(sum(CASE WHEN replays.status IN ('failed', 'skipped') THEN 1 ELSE 0 END), 0) AS given_up,
       (SELECT maps.status FROM maps WHERE maps.track_id = tracks.track_id) AS map,
       (SELECT maps.file_path FROM maps WHERE maps.track_id = tracks.track_id) AS map_path
FROM tracks
LEFT JOIN replays ON replays.track_id = tracks.track_id
GROUP BY tracks.track_id
