SELECT "id", "a ""label""", asof_row
FROM (SELECT *, file_row_number AS asof_row, epoch_us("the ""time""") AS asof_time_us FROM read_parquet('/p/spine.parquet'))
WHERE asof_row >= 1000 AND asof_row < 1500
