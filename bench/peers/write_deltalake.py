#!/usr/bin/env python3
"""write_deltalake.py SPEC - a Parquet file to a Delta table: pyarrow's record batches into write_deltalake.

SPEC: {"source", "out"}; threads are those of the process's affinity.
"""
import json
import shutil
import sys

import deltalake
import pyarrow
import pyarrow.parquet

from timing import Timed


def batches(source):
    """The rows as they come, times in UTC: Delta's plain timestamp."""
    file = pyarrow.parquet.ParquetFile(source)
    fields = [field.with_type(pyarrow.timestamp("us", "UTC")) if pyarrow.types.is_timestamp(field.type) else field
              for field in file.schema_arrow]
    schema = pyarrow.schema(fields)
    return pyarrow.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in file.iter_batches(1 << 17)))


def main():
    spec = json.loads(sys.argv[1])
    shutil.rmtree(spec["out"], ignore_errors=True)
    options = deltalake.WriterProperties(compression="LZ4_RAW")
    with Timed("deltalake", deltalake.__version__):
        deltalake.write_deltalake(spec["out"], batches(spec["source"]), writer_properties=options)


if __name__ == "__main__":
    main()
