-- The tally on PostgreSQL: each change adds rows instead of changing one: writers that had to update the same row
-- would queue for it. Two functions, because only some tables have files.

CREATE OR REPLACE FUNCTION tally_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally (kind, status, error_code, n)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), count(*) FROM new_rows GROUP BY 2, 3;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally (kind, status, error_code, n)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), -count(*) FROM old_rows GROUP BY 2, 3;
  ELSE
    INSERT INTO tally (kind, status, error_code, n)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), sum(change)
    FROM (SELECT status, error_code, 1 AS change FROM new_rows
          UNION ALL SELECT status, error_code, -1 FROM old_rows) AS changes
    GROUP BY 2, 3 HAVING sum(change) <> 0;
  END IF;
  RETURN NULL;
END $$
---
CREATE FUNCTION tally_file_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally (kind, status, error_code, n, bytes)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), count(*), coalesce(sum(file_bytes), 0)
    FROM new_rows GROUP BY 2, 3;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally (kind, status, error_code, n, bytes)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), -count(*), -coalesce(sum(file_bytes), 0)
    FROM old_rows GROUP BY 2, 3;
  ELSE
    INSERT INTO tally (kind, status, error_code, n, bytes)
    SELECT TG_ARGV[0], status, coalesce(error_code, ''), sum(change), coalesce(sum(change * file_bytes), 0)
    FROM (SELECT status, error_code, 1 AS change, file_bytes::bigint FROM new_rows
          UNION ALL SELECT status, error_code, -1, file_bytes FROM old_rows) AS changes
    GROUP BY 2, 3 HAVING sum(change) <> 0 OR coalesce(sum(change * file_bytes), 0) <> 0;
  END IF;
  RETURN NULL;
END $$
