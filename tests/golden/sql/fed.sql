SELECT * REPLACE (CAST("id" AS VARCHAR) AS "id", CAST("doc" AS VARCHAR) AS "doc", CAST("vec" AS FLOAT[]) AS "vec", CAST("ids" AS VARCHAR[]) AS "ids") FROM (SELECT * FROM asof_feed())
