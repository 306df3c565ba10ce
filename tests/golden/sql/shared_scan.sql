SELECT (date) AS event_us, coalesce(CASE WHEN (epoch_us(loaded_at)) <= (epoch_us(date)) THEN epoch_us(date) ELSE epoch_us(loaded_at) END, 994032000000000) AS created_us, "_asof_order" AS row_order,
	CAST("origin" AS VARCHAR) AS g3,
	CAST("number" AS INTEGER) AS g4,
	CAST("delay" AS INTEGER) AS g5
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true)))
