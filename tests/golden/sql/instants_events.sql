WITH asof_spine AS (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet')),
v_spine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us, TRY_CAST("origin" AS VARCHAR) AS k0 FROM asof_spine) WHERE time_us IS NOT NULL AND k0 IS NOT NULL),
v_at AS (SELECT *, (time_us - 10800000000) AS at_us FROM v_spine)
SELECT DISTINCT k0, at_us FROM v_at ORDER BY k0, at_us
