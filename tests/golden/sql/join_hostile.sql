WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("select" AS VARCHAR) AS k0 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL),
v0_rows AS (SELECT "select" AS k0, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "_order" AS row_order, "group" AS f0, "from" AS f1, "where" AS f2 FROM (SELECT CAST("select" AS VARCHAR) AS "select", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("group" AS INTEGER) AS "group", CAST("from" AS DOUBLE) AS "from", CAST("where" AS VARCHAR) AS "where", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v0_best AS (SELECT * FROM v0_rows
QUALIFY row_number() OVER (PARTITION BY k0, event_us ORDER BY created_us DESC, row_order DESC) = 1),
v0_match AS (SELECT s.asof_row, s.time_us, r.event_us, r.f0, r.f1, r.f2
FROM v0_spine s ASOF LEFT JOIN v0_best r ON s.k0 = r.k0 AND s.time_us - 0 >= r.event_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL THEN f0 END AS f0, CASE WHEN event_us IS NOT NULL THEN f1 END AS f1, CASE WHEN event_us IS NOT NULL THEN f2 ELSE CAST('''; DROP TABLE x; --' AS VARCHAR) END AS f2 FROM v0_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "order__group", 
	v0_result.f1 AS "order__from", 
	v0_result.f2 AS "order__where"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
ORDER BY p.asof_row
