SELECT *, ([7, 3][file_index::BIGINT + 1]::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true)
