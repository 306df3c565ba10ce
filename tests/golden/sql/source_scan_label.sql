SELECT k0, event_us, created_us, row_order
FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))) WHERE (date) >= make_timestamptz(993859199999995) AND (date) <= make_timestamptz(993859200000007))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL AND created_us <= 993859200000000
UNION ALL SELECT k0, event_us, created_us, row_order
FROM (SELECT CAST("origin" AS VARCHAR) AS k0, epoch_us(date) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))) WHERE (date) <= make_timestamptz(993859199999994))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL AND created_us <= 993859200000000
