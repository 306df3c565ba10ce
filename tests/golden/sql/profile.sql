SELECT count(*) AS rows, count(*) FILTER (event_us IS NULL) AS bad_rows, count(*) FILTER (k0 IS NULL OR k1 IS NULL) AS null_key_rows, min(row_order) FILTER (event_us IS NULL) AS first_bad_order, count(*) FILTER (is_floored) AS floored_rows
FROM (SELECT "origin" AS k0, "number" AS k1, epoch_us(date) AS event_us, "_asof_order" AS row_order, false AS is_floored
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))))
