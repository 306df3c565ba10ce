SELECT k0 AS "id", k1 AS "size", make_timestamptz(event_us) AS event_time, make_timestamptz(created_us) AS created_time, "c_price" AS "price", row_order AS "_order"
FROM (SELECT * FROM (SELECT CAST("part's id" AS VARCHAR) AS k0, CAST("size" AS DECIMAL(6,2)) AS k1, CAST("price" AS DOUBLE) + 0::DOUBLE AS "c_price", epoch_us(timezone('Europe/Berlin', make_timestamp(epoch_us(strptime(day || "it's", '%Y-%m-%d'))))) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + row_number() OVER () AS "_asof_order" FROM read_csv(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true, header = true, sample_size = -1, allow_quoted_nulls = false, types = {'part''s id': 'VARCHAR', 'size': 'DECIMAL(6,2)'}))) WHERE (price > 1)))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL)
ORDER BY "id", "size", event_time, created_time, "_order"
