SELECT count(*) FROM (SELECT file_name, row_group_id,
	max(epoch_us(TRY_CAST(stats_min_value AS TIMESTAMPTZ))) FILTER (path_in_schema = 'event_time') AS low_us,
	max(epoch_us(TRY_CAST(stats_max_value AS TIMESTAMPTZ))) FILTER (path_in_schema = 'event_time') AS high_us,
	max(TRY_CAST(stats_min_value AS VARCHAR)) FILTER (path_in_schema = 'origin') AS low_key,
	max(TRY_CAST(stats_max_value AS VARCHAR)) FILTER (path_in_schema = 'origin') AS high_key
FROM parquet_metadata(['/lake/v/1.parquet', '/lake/v/2.parquet'])
GROUP BY file_name, row_group_id)
WHERE true AND coalesce(low_us <= 993859200000007, true) AND coalesce(high_us >= 993859199999995, true) AND coalesce(low_key <= CAST('zü' AS VARCHAR), true) AND coalesce(high_key >= CAST('it''s' AS VARCHAR), true)
