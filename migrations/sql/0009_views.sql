-- The record of each track, every record it ever had, and its leaderboard at any time since tmxdb looks at it.

CREATE VIEW records AS
SELECT tracks.track_id, tracks.name AS track_name, replays.replay_id, replays.user_id, replays.user_name, replays.login,
       coalesce(replays.site_time_ms, replays.race_time_ms) AS time_ms, replays.site_score AS score, replays.replay_at,
       replays.position_since AS record_since, replays.device, replays.respawns, tracks.author_time_ms,
       replays.status, replays.file_path
FROM replays JOIN tracks ON tracks.track_id = replays.track_id
WHERE replays.position = 0
---
CREATE VIEW record_history AS
SELECT seen.track_id, tracks.name AS track_name, seen.replay_id, replays.user_id, replays.user_name,
       coalesce(replays.site_time_ms, replays.race_time_ms) AS time_ms, replays.replay_at, seen.from_at,
       seen.last_seen_at, seen.until_at, replays.left_because, replays.file_path
FROM (
  SELECT track_id, replay_id, from_at, last_seen_at, until_at FROM past_positions WHERE position = 0
  UNION ALL
  SELECT track_id, replay_id, position_since, listed_at, NULL FROM replays WHERE position = 0
) AS seen
JOIN replays ON replays.replay_id = seen.replay_id
JOIN tracks ON tracks.track_id = seen.track_id
---
CREATE VIEW leaderboard_at AS
SELECT seen.track_id, tracks.name AS track_name, CAST(seen.position AS BIGINT) + 1 AS rank, seen.replay_id, replays.user_id,
       replays.user_name, coalesce(replays.site_time_ms, replays.race_time_ms) AS time_ms, seen.from_at,
       seen.last_seen_at, seen.until_at
FROM (
  SELECT track_id, replay_id, position, from_at, last_seen_at, until_at FROM past_positions
  UNION ALL
  SELECT track_id, replay_id, position, position_since, listed_at, NULL FROM replays WHERE position IS NOT NULL
) AS seen
JOIN replays ON replays.replay_id = seen.replay_id
JOIN tracks ON tracks.track_id = seen.track_id
