WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL),
v0_at AS (SELECT *, (time_us - 0) - ((time_us - 0) % 3600000000 + 3600000000) % 3600000000 AS at_us FROM v0_spine),
v0_match AS (SELECT s.asof_row, s.time_us, a.event_us, a.f0, a.f1
FROM v0_at s LEFT JOIN "asof_answers" a ON s.k0 = a.k0 AND s.at_us = a.at_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0, CASE WHEN event_us IS NOT NULL THEN f1 END AS f1 FROM v0_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "departures__flights_count_1h", 
	v0_result.f1 AS "departures__flights_count_2h"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
ORDER BY p.asof_row
