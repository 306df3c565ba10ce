SELECT k0 AS "select", make_timestamptz(event_us) AS event_time, make_timestamptz(created_us) AS created_time, "c_group" AS "group", "c_x"") FROM y; --" AS "from", "c_'" AS "where", row_order AS "_order"
FROM (SELECT * FROM (SELECT CAST("a""b; DROP TABLE x; --" AS VARCHAR) AS k0, CAST("group" AS INTEGER) AS "c_group", CAST("x"") FROM y; --" AS DOUBLE) + 0::DOUBLE AS "c_x"") FROM y; --", CAST("'" AS VARCHAR) AS "c_'", epoch_us(at) AS event_us, 994032000000000::BIGINT AS created_us, "_asof_order" AS row_order
FROM (SELECT *, (1) AS "group" FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL)
ORDER BY "select", event_time, created_time, "_order"
