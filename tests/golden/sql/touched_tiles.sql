CREATE OR REPLACE TEMP TABLE asof_touched AS
WITH removed AS (SELECT * EXCLUDE (row_order) FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM gone)))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL)),
added AS (SELECT * EXCLUDE (row_order) FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM come)))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL))
SELECT DISTINCT k0, event_us + (3600000000 - event_us % 3600000000) % 3600000000 AS at_us FROM ((FROM removed EXCEPT ALL FROM added) UNION ALL (FROM added EXCEPT ALL FROM removed))
