WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("id" AS BLOB) AS k0, TRY_CAST("shop" AS VARCHAR) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v0_rows AS (SELECT "id" AS k0, "shop" AS k1, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "_order" AS row_order, "at" AS f0 FROM (SELECT CAST("id" AS BLOB) AS "id", CAST("shop" AS VARCHAR) AS "shop", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("at" AS TIMESTAMPTZ) AS "at", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v0_best AS (SELECT * FROM v0_rows
QUALIFY row_number() OVER (PARTITION BY k0, k1, event_us ORDER BY created_us DESC, row_order DESC) = 1),
v0_match AS (SELECT s.asof_row, s.time_us, r.event_us, r.f0
FROM v0_spine s ASOF LEFT JOIN v0_best r ON hex(s.k0) = hex(r.k0) AND s.k1 = r.k1 AND s.time_us - 0 >= r.event_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0 FROM v0_match),
v1_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("id" AS BLOB) AS k0, TRY_CAST("shop" AS VARCHAR) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v1_at AS (SELECT *, (time_us - 0) AS at_us FROM v1_spine),
v1_tiles AS (SELECT * EXCLUDE ("id", "shop"), "id" AS k0, "shop" AS k1, epoch_us(event_time) AS end_us, epoch_us(created_time) AS created_us FROM (SELECT CAST("id" AS BLOB) AS "id", CAST("shop" AS VARCHAR) AS "shop", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v1_instants AS (SELECT DISTINCT k0, k1, at_us FROM v1_at),
v1_newest AS (SELECT i.*, t.end_us AS event_us
FROM v1_instants i ASOF JOIN v1_tiles t ON hex(i.k0) = hex(t.k0) AND i.k1 = t.k1 AND i.at_us >= t.end_us),
v1_answers AS (SELECT n.k0, n.k1, n.at_us, any_value(n.event_us) AS event_us,
	CAST(count(t.end_us) FILTER (t.end_us > n.at_us - 3600000000) AS BIGINT) AS f0
FROM (SELECT *, unnest([bucket_us, bucket_us - 3600000000]) AS bucket FROM (SELECT *, at_us - (at_us % 3600000000 + 3600000000) % 3600000000 AS bucket_us FROM v1_newest)) n
LEFT JOIN (SELECT *, end_us - (end_us % 3600000000 + 3600000000) % 3600000000 AS bucket FROM v1_tiles) t
ON n.k0 = t.k0 AND n.k1 = t.k1 AND n.bucket = t.bucket AND t.end_us > n.at_us - 3600000000 AND t.end_us <= n.at_us
GROUP BY n.k0, n.k1, n.at_us),
v1_match AS (SELECT s.asof_row, s.time_us, a.event_us, a.f0
FROM v1_at s LEFT JOIN v1_answers a ON s.k0 = a.k0 AND s.k1 = a.k1 AND s.at_us = a.at_us),
v1_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0 FROM v1_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "newest__at", 
	v1_result.f0 AS "events__n_count_1h"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
LEFT JOIN v1_result ON v1_result.asof_row = p.asof_row
ORDER BY p.asof_row
