SELECT k0 AS "origin", k1 AS "number", make_timestamptz(end_us) AS event_time, make_timestamptz(created_us) AS created_time, a0 AS "_count", a1 AS "delay__count", a2.hi AS "delay__sum", a2.lo AS "delay__sum_lo", make_timestamptz(last_us) AS "_last_event"
FROM (SELECT k0, k1, end_us, max(created_us) AS created_us, max(event_us) AS last_us,
	count(*) AS a0,
	count("c_delay") AS a1,
	asof_sum("c_delay"::BIGINT) AS a2
FROM (SELECT *, CASE WHEN created_us > end_us OR created_us <= end_us - 3600000000 THEN created_us END AS apart_us FROM (SELECT *, event_us + (3600000000 - event_us % 3600000000) % 3600000000 AS end_us FROM (SELECT * FROM (SELECT CAST("origin" AS VARCHAR) AS k0, CAST("number" AS INTEGER) AS k1, CAST("delay" AS INTEGER) AS "c_delay", epoch_us(timezone('America/New_York', make_timestamp(epoch_us(date)))) AS event_us, coalesce(CASE WHEN (epoch_us(loaded_at)) <= (epoch_us(timezone('America/New_York', make_timestamp(epoch_us(date))))) THEN epoch_us(timezone('America/New_York', make_timestamp(epoch_us(date)))) ELSE epoch_us(loaded_at) END, 994032000000000) AS created_us, "_asof_order" AS row_order
FROM (SELECT * FROM (SELECT *, (file_index::BIGINT << 40) + file_row_number AS "_asof_order" FROM read_parquet(['/p/data/a.parquet', '/p/data/it''s.parquet'], union_by_name = true))) WHERE (date) >= make_timestamp(993772800000001) AND (date) <= make_timestamp(994032000000000))
WHERE event_us IS NOT NULL AND k0 IS NOT NULL AND k1 IS NOT NULL AND event_us >= 993859200000001 AND event_us < 993945600000001)))
GROUP BY k0, k1, end_us, apart_us)
ORDER BY "origin", "number", event_time, created_time, "_last_event"
