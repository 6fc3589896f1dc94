-- Failures by code from the tally, each with the first row that has it: fast for any number of rows.

CREATE VIEW failures AS
SELECT kind, status, error_code, n, example_id,
       CASE kind WHEN 'list' THEN (SELECT error FROM tracks WHERE track_id = example_id)
                 WHEN 'download' THEN (SELECT error FROM replays WHERE replay_id = example_id)
                 WHEN 'extract' THEN (SELECT error FROM maps WHERE track_id = example_id)
                 ELSE (SELECT error FROM captures WHERE capture_id = example_id) END AS example
FROM (
  SELECT kind, status, error_code, CAST(n AS BIGINT) AS n,
         CASE kind WHEN 'list' THEN (SELECT min(track_id) FROM tracks
                                     WHERE tracks.error_code = counted.error_code AND tracks.status = counted.status)
                   WHEN 'download' THEN (SELECT min(replay_id) FROM replays
                                         WHERE replays.error_code = counted.error_code
                                           AND replays.status = counted.status)
                   WHEN 'extract' THEN (SELECT min(track_id) FROM maps
                                        WHERE maps.error_code = counted.error_code AND maps.status = counted.status)
                   ELSE (SELECT min(capture_id) FROM captures
                         WHERE captures.error_code = counted.error_code AND captures.status = counted.status)
         END AS example_id
  FROM (SELECT kind, status, error_code, sum(n) AS n FROM tally
        WHERE error_code <> '' AND status IN ('failed', 'skipped', 'retry')
        GROUP BY kind, status, error_code HAVING sum(n) <> 0) AS counted
) AS found
