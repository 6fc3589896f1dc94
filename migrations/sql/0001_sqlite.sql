-- What SQLite says in its own way: JSON as rows, and the tally.

CREATE VIEW checkpoint_times AS
SELECT replays.replay_id, replays.track_id, CAST(item.key AS INTEGER) + 1 AS number, item.value AS time_ms
FROM replays, json_each(replays.checkpoints_ms) AS item
WHERE replays.checkpoints_ms IS NOT NULL
---
CREATE VIEW input_events AS
SELECT inputs.replay_id, CAST(item.key AS INTEGER) + 1 AS number,
       item.value ->> 0 AS time_ms, item.value ->> 1 AS control, item.value ->> 2 AS value
FROM inputs, json_each(inputs.events) AS item
---
INSERT INTO tally (kind, status, n)
SELECT kinds.column1, statuses.column1, 0
FROM (VALUES ('list'), ('download'), ('extract'), ('capture')) AS kinds,
     (VALUES ('pending'), ('running'), ('retry'), ('done'), ('failed'), ('skipped')) AS statuses
