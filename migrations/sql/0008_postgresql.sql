-- Tags as rows, and the time before now as text that compares with the columns.

CREATE VIEW track_tags AS
SELECT track_id, tag, {tag_name} AS tag_name
FROM (SELECT tracks.track_id, CAST(item.value AS INTEGER) AS tag
      FROM tracks, json_array_elements_text(tracks.tags::json) AS item(value)
      WHERE tracks.tags IS NOT NULL) AS tagged
---
CREATE FUNCTION ago(span text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char((now() AT TIME ZONE 'UTC') - span::interval, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$
