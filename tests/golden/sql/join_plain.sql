WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v0_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("id" AS UUID) AS k0, TRY_CAST("shop" AS VARCHAR) AS k1 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL),
v0_rows AS (SELECT "id" AS k0, "shop" AS k1, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "_order" AS row_order, "amount" AS f0, "price" AS f1, "rate" AS f2, "doc" AS f3, "vec" AS f4, "ids" AS f5, "day" AS f6, "due" AS f7, "due_again" AS f8, "is_large" AS f9, "note" AS f10 FROM (SELECT CAST("id" AS UUID) AS "id", CAST("shop" AS VARCHAR) AS "shop", CAST("event_time" AS TIMESTAMPTZ) AS "event_time", CAST("created_time" AS TIMESTAMPTZ) AS "created_time", CAST("amount" AS DECIMAL(10,2)) AS "amount", CAST("price" AS DOUBLE) AS "price", CAST("rate" AS FLOAT) AS "rate", CAST("doc" AS JSON) AS "doc", CAST("vec" AS FLOAT[3]) AS "vec", CAST("ids" AS UUID[]) AS "ids", CAST("day" AS DATE) AS "day", CAST("due" AS TIMESTAMPTZ) AS "due", CAST("due_again" AS TIMESTAMPTZ) AS "due_again", CAST("is_large" AS BOOLEAN) AS "is_large", CAST("note" AS VARCHAR) AS "note", CAST("_order" AS BIGINT) AS "_order" FROM read_parquet(['/lake/v/1.parquet', '/lake/v/2.parquet'], union_by_name = true))),
v0_best AS (SELECT * FROM v0_rows
QUALIFY row_number() OVER (PARTITION BY k0, k1, event_us ORDER BY created_us DESC, row_order DESC) = 1),
v0_match AS (SELECT s.asof_row, s.time_us, r.event_us, r.f0, r.f1, r.f2, r.f3, r.f4, r.f5, r.f6, r.f7, r.f8, r.f9, r.f10
FROM v0_spine s ASOF LEFT JOIN v0_best r ON s.k0 = r.k0 AND s.k1 = r.k1 AND s.time_us - 10800000000 >= r.event_us),
v0_result AS (SELECT asof_row, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f0 ELSE CAST('0.50' AS DECIMAL(10,2)) END AS f0, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f1 ELSE CAST('-0.1' AS DOUBLE) END AS f1, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f2 END AS f2, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f3 END AS f3, CAST(CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f4::FLOAT[] END AS FLOAT[3]) AS f4, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f5 END AS f5, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f6 ELSE CAST('2001-06-30' AS DATE) END AS f6, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f7 ELSE CAST('2001-06-30T12:00:00.5Z' AS TIMESTAMPTZ) END AS f7, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f8 END AS f8, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f9 ELSE CAST('false' AS BOOLEAN) END AS f9, CASE WHEN event_us IS NOT NULL AND event_us >= time_us - 2592000000000 THEN f10 ELSE CAST('it''s ''; DROP TABLE x; --' AS VARCHAR) END AS f10 FROM v0_match)
SELECT p."id", p."a ""label""", 
	v0_result.f0 AS "latest_order__amount", 
	v0_result.f1 AS "latest_order__price", 
	v0_result.f2 AS "latest_order__rate", 
	v0_result.f3 AS "latest_order__doc", 
	v0_result.f4 AS "latest_order__vec", 
	v0_result.f5 AS "latest_order__ids", 
	v0_result.f6 AS "latest_order__day", 
	v0_result.f7 AS "latest_order__due", 
	v0_result.f8 AS "latest_order__due_again", 
	v0_result.f9 AS "latest_order__is_large", 
	v0_result.f10 AS "latest_order__note"
FROM asof_spine p
LEFT JOIN v0_result ON v0_result.asof_row = p.asof_row
ORDER BY p.asof_row
