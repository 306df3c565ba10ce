CREATE OR REPLACE TEMP TABLE asof_touched AS
WITH removed AS (SELECT * EXCLUDE (row_order) FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, CAST("delay" AS BIGINT) AS "c_delay", CAST("fare" AS DECIMAL(8,2)) AS "c_fare", CAST("speed" AS DOUBLE) + 0::DOUBLE AS "c_speed", CAST("speed32" AS FLOAT) + 0::FLOAT AS "c_speed32", CAST("tail" AS VARCHAR) AS "c_tail", CAST("is_late" AS BOOLEAN) AS "c_is_late", CAST("plane" AS UUID) AS "c_plane", epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM gone)))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL)),
added AS (SELECT * EXCLUDE (row_order) FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, CAST("delay" AS BIGINT) AS "c_delay", CAST("fare" AS DECIMAL(8,2)) AS "c_fare", CAST("speed" AS DOUBLE) + 0::DOUBLE AS "c_speed", CAST("speed32" AS FLOAT) + 0::FLOAT AS "c_speed32", CAST("tail" AS VARCHAR) AS "c_tail", CAST("is_late" AS BOOLEAN) AS "c_is_late", CAST("plane" AS UUID) AS "c_plane", epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM come)))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL))
SELECT DISTINCT k0, event_us + (3600000000 - event_us % 3600000000) % 3600000000 AS at_us FROM (FROM removed UNION ALL FROM added)
