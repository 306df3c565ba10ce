"""Spark as a child of the tests: a JSON job a line on standard input, its answer a line on standard output.

{"read": FOLDER, "version": N or null} -> {"columns": [..], "rows": [[text or null, ..], ..]}; {"sql": [STATEMENT, ..]} -> {}.
Runs in the environment of tests/requirements-spark.txt.
"""
import json
import os
import sys

import delta
import pyspark
from pyspark.sql import functions


def session():
    builder = (pyspark.sql.SparkSession.builder.master("local[1]").appName("asof tests")
               .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
               .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
               .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
               .config("spark.executor.heartbeatInterval", "60s").config("spark.network.timeout", "600s")
               .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false")
               .config("spark.sql.warehouse.dir", os.path.join(os.getcwd(), "warehouse"))
               .config("spark.sql.shuffle.partitions", "1").config("spark.databricks.delta.snapshotPartitions", "1"))
    return delta.configure_spark_with_delta_pip(builder).getOrCreate()


def text(table, name):
    """A column as the tests show values: times in microseconds, others as Spark casts them."""
    kind = table.schema[name].dataType.typeName()
    column = functions.col(f"`{name}`")
    return (functions.unix_micros(column) if kind == "timestamp" else column).cast("string").alias(name)


def read(spark, job):
    reader = spark.read.format("delta")
    if job.get("version") is not None:
        reader = reader.option("versionAsOf", job["version"])
    table = reader.load(job["read"])
    rows = table.select(*(text(table, name) for name in table.columns)).collect()
    return {"columns": table.columns, "rows": [list(row) for row in rows]}


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Java prints is no answer
    spark = session()
    print(json.dumps({"spark": spark.version, "delta": sys.modules["importlib_metadata"].version("delta_spark")}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = read(spark, job) if "read" in job else {}
            for statement in job.get("sql", ()):
                spark.sql(statement)
        except Exception as failure:  # whatever it is, the test shows it
            answer = {"failed": str(failure)[:2000]}
        print(json.dumps(answer), file=answers, flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
