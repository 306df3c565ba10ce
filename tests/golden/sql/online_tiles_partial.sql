SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, 0::BIGINT AS row_order, CAST("_count" AS BIGINT) AS f0 FROM (SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("_count" AS BIGINT) AS "_count", CAST("_last_event" AS TIMESTAMPTZ) AS "_last_event" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true)) WHERE epoch_us(event_time) <= 993859200000000
UNION ALL BY NAME SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, 0::BIGINT AS row_order, CAST("_count" AS BIGINT) AS f0 FROM (SELECT k0 AS "origin", make_timestamptz(end_us) AS event_time, make_timestamptz(created_us) AS created_time, a0 AS "_count", make_timestamptz(last_us) AS "_last_event"
FROM (SELECT k0, end_us, max(created_us) AS created_us, max(event_us) AS last_us,
	count(*) AS a0
FROM (SELECT *, event_us + (3600000000 - event_us % 3600000000) % 3600000000 AS end_us FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))) WHERE (date) >= make_timestamptz(993859200000001) AND (date) <= make_timestamptz(993945600000000))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL AND event_us >= 993859200000001 AND event_us < 993945600000001))
GROUP BY k0, end_us)
ORDER BY "origin", event_time, created_time, "_last_event"))
QUALIFY event_us > 993852000000000 OR event_us = max(event_us) FILTER (event_us <= 993859200000000) OVER (PARTITION BY k0)
ORDER BY k0, event_us, created_us, row_order
