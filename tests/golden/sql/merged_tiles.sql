SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("_count" AS BIGINT) AS "_count", CAST("_last_event" AS TIMESTAMPTZ) AS "_last_event" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true)
ORDER BY "origin", event_time, created_time, "_last_event"
