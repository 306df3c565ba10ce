SELECT k0, k1, event_us, created_us, row_order, "c_price" AS f0
FROM (SELECT CAST("part's id" AS VARCHAR) AS k0, CAST("size" AS DECIMAL(6,2)) AS k1, CAST("price" AS DOUBLE) AS "c_price", epoch_us(strptime(day || "it's", '%Y-%m-%d')) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + row_number() OVER () AS "_asof_order" FROM read_csv(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true, header = true, sample_size = -1, allow_quoted_nulls = false, types = {'part''s id': 'VARCHAR', 'size': 'DECIMAL(6,2)'}))) WHERE (price > 1)))
WHERE true AND event_us >= 993859199999995 AND event_us <= 993859200000007 AND created_us <= 993859200000000
