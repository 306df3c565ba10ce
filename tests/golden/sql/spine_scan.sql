SELECT * FROM (SELECT asof_row AS row, asof_time_us AS time_us, TRY_CAST("id" AS UUID) AS k0, TRY_CAST("shop" AS VARCHAR) AS k1
FROM (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet'))
WHERE asof_row >= 1000 AND asof_row < 1500)
WHERE time_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL
