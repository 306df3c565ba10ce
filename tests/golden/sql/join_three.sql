WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0, TRY_CAST("number" AS INTEGER) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v0_at AS (SELECT *, (time_us - 90000000) - ((time_us - 90000000) % 3600000000 + 3600000000) % 3600000000 AS at_us FROM v0_spine),
v0_tiles AS (SELECT * EXCLUDE ("origin", "number"), "origin" AS k0, "number" AS k1, epoch_us(event_time) AS end_us, epoch_us(created_time) AS created_us FROM (SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("number" AS INTEGER) AS "number", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("_count" AS BIGINT) AS "_count", CAST("delay__count" AS BIGINT) AS "delay__count", CAST("delay__sum" AS DOUBLE) AS "delay__sum", CAST("delay__sum_lo" AS DOUBLE) AS "delay__sum_lo", CAST("_last_event" AS TIMESTAMPTZ) AS "_last_event" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v0_instants AS (SELECT DISTINCT k0, k1, at_us FROM v0_at),
v0_newest AS (SELECT i.*, t.end_us AS event_us
FROM v0_instants i ASOF JOIN v0_tiles t ON i.k0 = t.k0 AND i.k1 = t.k1 AND i.at_us >= t.end_us),
v0_answers AS (SELECT n.k0, n.k1, n.at_us, any_value(n.event_us) AS event_us,
	CAST(coalesce(asof_mean((asof_sum_merge(t."delay__sum", t."delay__sum_lo") FILTER (t.end_us > n.at_us - 86400000000)).hi, (asof_sum_merge(t."delay__sum", t."delay__sum_lo") FILTER (t.end_us > n.at_us - 86400000000)).lo, coalesce(sum(t."delay__count") FILTER (t.end_us > n.at_us - 86400000000), 0)::BIGINT), CAST('-1.5' AS DOUBLE)) AS DOUBLE) AS f0
FROM (SELECT *, unnest([bucket_us, bucket_us - 86400000000]) AS bucket FROM (SELECT *, at_us - (at_us % 86400000000 + 86400000000) % 86400000000 AS bucket_us FROM v0_newest)) n
LEFT JOIN (SELECT *, end_us - (end_us % 86400000000 + 86400000000) % 86400000000 AS bucket FROM v0_tiles) t
ON n.k0 = t.k0 AND n.k1 = t.k1 AND n.bucket = t.bucket AND t.end_us > n.at_us - 86400000000 AND t.end_us <= n.at_us
GROUP BY n.k0, n.k1, n.at_us),
v0_match AS (SELECT s.asof_row, s.time_us, a.event_us, a.f0
FROM v0_at s LEFT JOIN v0_answers a ON s.k0 = a.k0 AND s.k1 = a.k1 AND s.at_us = a.at_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 ELSE CAST('-1.5' AS DOUBLE) END AS f0 FROM v0_match),
v1_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0, TRY_CAST("number" AS INTEGER) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v1_rows AS (SELECT "origin" AS k0, "number" AS k1, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "_order" AS row_order, "delay" AS f0 FROM (SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("number" AS INTEGER) AS "number", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("delay" AS INTEGER) AS "delay", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v1_best AS (SELECT * FROM v1_rows
QUALIFY row_number() OVER (PARTITION BY k0, k1, event_us ORDER BY created_us DESC, row_order DESC) = 1),
v1_match AS (SELECT s.asof_row, s.time_us, r.event_us, r.f0
FROM v1_spine s ASOF LEFT JOIN v1_best r ON s.k0 = r.k0 AND s.k1 = r.k1 AND s.time_us - 0 >= r.event_us),
v1_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 86400000000 THEN f0 END AS f0 FROM v1_match),
v2_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0, TRY_CAST("number" AS INTEGER) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v2_at AS (SELECT *, (time_us - 0) AS at_us FROM v2_spine),
v2_tiles AS (SELECT * EXCLUDE ("origin", "number"), "origin" AS k0, "number" AS k1, epoch_us(event_time) AS end_us, epoch_us(created_time) AS created_us FROM (SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("number" AS INTEGER) AS "number", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("delay__value" AS INTEGER) AS "delay__value", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v2_instants AS (SELECT DISTINCT k0, k1, at_us FROM v2_at),
v2_newest AS (SELECT i.*, t.end_us AS event_us
FROM v2_instants i ASOF JOIN v2_tiles t ON i.k0 = t.k0 AND i.k1 = t.k1 AND i.at_us >= t.end_us),
v2_answers AS (SELECT n.k0, n.k1, n.at_us, any_value(n.event_us) AS event_us,
	CAST(first(t."delay__value" ORDER BY t.end_us DESC, t.created_us DESC, t."_order" DESC) FILTER (t.end_us > n.at_us - 86400000000 AND t."delay__value" IS NOT NULL) AS INTEGER) AS f0
FROM (SELECT *, unnest([bucket_us, bucket_us - 86400000000]) AS bucket FROM (SELECT *, at_us - (at_us % 86400000000 + 86400000000) % 86400000000 AS bucket_us FROM v2_newest)) n
LEFT JOIN (SELECT *, end_us - (end_us % 86400000000 + 86400000000) % 86400000000 AS bucket FROM v2_tiles) t
ON n.k0 = t.k0 AND n.k1 = t.k1 AND n.bucket = t.bucket AND t.end_us > n.at_us - 86400000000 AND t.end_us <= n.at_us
GROUP BY n.k0, n.k1, n.at_us),
v2_match AS (SELECT s.asof_row, s.time_us, a.event_us, a.f0
FROM v2_at s LEFT JOIN v2_answers a ON s.k0 = a.k0 AND s.k1 = a.k1 AND s.at_us = a.at_us),
v2_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0 FROM v2_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "departures__delay_mean_1d", 
	v1_result.f0 AS "last__delay", 
	v2_result.f0 AS "exact__delay_last_1d"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
LEFT JOIN v1_result ON v1_result.asof_row = p.asof_row
LEFT JOIN v2_result ON v2_result.asof_row = p.asof_row
ORDER BY p.asof_row
