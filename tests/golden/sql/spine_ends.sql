SELECT min(k0), max(k0) FROM (SELECT TRY_CAST("select" AS VARCHAR) AS k0 FROM read_parquet('/p/spine.parquet'))
