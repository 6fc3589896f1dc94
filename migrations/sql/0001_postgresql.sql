-- What PostgreSQL says in its own way: JSON as rows, and the tally.

CREATE VIEW checkpoint_times AS
SELECT replays.replay_id, replays.track_id, item.number, CAST(item.value AS INTEGER) AS time_ms
FROM replays, json_array_elements_text(replays.checkpoints_ms::json) WITH ORDINALITY AS item(value, number)
WHERE replays.checkpoints_ms IS NOT NULL
---
CREATE VIEW input_events AS
SELECT inputs.replay_id, item.number, CAST(item.value ->> 0 AS INTEGER) AS time_ms,
       item.value ->> 1 AS control, CAST(item.value ->> 2 AS INTEGER) AS value
FROM inputs, json_array_elements(inputs.events::json) WITH ORDINALITY AS item(value, number)
---
-- Each change adds rows instead of changing one: writers that had to update the same row would queue for it.
CREATE FUNCTION tally_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally (kind, status, n) SELECT TG_ARGV[0], status, count(*) FROM new_rows GROUP BY status;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally (kind, status, n) SELECT TG_ARGV[0], status, -count(*) FROM old_rows GROUP BY status;
  ELSE
    INSERT INTO tally (kind, status, n)
    SELECT TG_ARGV[0], status, sum(change)
    FROM (SELECT status, 1 AS change FROM new_rows UNION ALL SELECT status, -1 FROM old_rows) AS changes
    GROUP BY status HAVING sum(change) <> 0;
  END IF;
  RETURN NULL;
END $$
