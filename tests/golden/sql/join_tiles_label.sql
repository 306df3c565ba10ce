WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL),
v0_at AS (SELECT *, (time_us - 0) - ((time_us - 0) % 3600000000 + 3600000000) % 3600000000 AS at_us, time_us AS known_us FROM v0_spine),
v0_tiles AS (SELECT * EXCLUDE ("origin"), "origin" AS k0, epoch_us(event_time) AS end_us, epoch_us(created_time) AS created_us FROM (SELECT CAST("origin" AS VARCHAR) AS "origin", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("_count" AS BIGINT) AS "_count", CAST("_last_event" AS TIMESTAMPTZ) AS "_last_event" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v0_instants AS (SELECT DISTINCT k0, at_us, known_us FROM v0_at),
v0_newest AS (SELECT i.*, max(t.end_us) AS event_us
FROM v0_instants i JOIN v0_tiles t ON i.k0 = t.k0 AND i.at_us >= t.end_us AND t.created_us <= i.known_us GROUP BY ALL),
v0_answers AS (SELECT n.k0, n.at_us, n.known_us, any_value(n.event_us) AS event_us,
	CAST(coalesce(sum(t."_count") FILTER (t.end_us > n.at_us - 3600000000), 0)::BIGINT AS BIGINT) AS f0,
	CAST(coalesce(sum(t."_count") FILTER (t.end_us > n.at_us - 7200000000), 0)::BIGINT AS BIGINT) AS f1
FROM (SELECT *, unnest([bucket_us, bucket_us - 7200000000]) AS bucket FROM (SELECT *, at_us - (at_us % 7200000000 + 7200000000) % 7200000000 AS bucket_us FROM v0_newest)) n
LEFT JOIN (SELECT *, end_us - (end_us % 7200000000 + 7200000000) % 7200000000 AS bucket FROM v0_tiles) t
ON n.k0 = t.k0 AND n.bucket = t.bucket AND t.end_us > n.at_us - 7200000000 AND t.end_us <= n.at_us AND t.created_us <= n.known_us
GROUP BY n.k0, n.at_us, n.known_us),
v0_match AS (SELECT s.asof_row, s.time_us, a.event_us, a.f0, a.f1
FROM v0_at s LEFT JOIN v0_answers a ON s.k0 = a.k0 AND s.at_us = a.at_us AND s.known_us = a.known_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0, CASE WHEN event_us IS NOT NULL THEN f1 END AS f1 FROM v0_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "departures__flights_count_1h", 
	v0_result.f1 AS "departures__flights_count_2h"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
ORDER BY p.asof_row
