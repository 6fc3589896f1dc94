-- Tags as rows. `ago` is a function of tmxdb's own connections: SQLite keeps none in the file.

CREATE VIEW track_tags AS
SELECT track_id, tag, {tag_name} AS tag_name
FROM (SELECT tracks.track_id, item.value AS tag FROM tracks, json_each(tracks.tags) AS item
      WHERE tracks.tags IS NOT NULL) AS tagged
