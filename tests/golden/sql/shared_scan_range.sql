SELECT * FROM (SELECT epoch_us(at) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order,
	CAST("a""b; DROP TABLE x; --" AS VARCHAR) AS g3,
	CAST("group" AS INTEGER) AS g4,
	CAST("x"") FROM y; --" AS DOUBLE) + 0::DOUBLE AS g5,
	CAST("'" AS VARCHAR) AS g6
FROM (SELECT *, (1) AS "group" FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))) WHERE (at) >= make_timestamptz(993859200000001) AND (at) <= make_timestamptz(993945600000000))
WHERE event_us IS NOT NULL
