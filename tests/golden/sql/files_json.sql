SELECT *, (file_index::BIGINT << 40) + row_number() OVER () AS "_asof_order" FROM read_json(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true, sample_size = -1)
