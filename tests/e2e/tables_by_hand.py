"""Delta tables that the libraries at hand read but do not write, made by hand from their parts: deletion vectors, column mapping,
checkpoints of the second form. Source: the Delta Transaction Log Protocol."""
import json
import struct
import uuid
import zlib
from pathlib import Path

import pyarrow
import pyarrow.parquet

Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(data):
    """Four bytes as five characters of base 85."""
    text = ""
    for at in range(0, len(data), 4):
        number, part = struct.unpack(">I", data[at:at + 4])[0], ""
        for _ in range(5):
            part = Z85[number % 85] + part
            number //= 85
        text += part
    return text


def bitmap(numbers):
    """A 64-bit Roaring bitmap of array containers, as Delta's deletion vectors are: magic, count, then 32-bit bitmaps by high word."""
    high = {}
    for number in sorted(numbers):
        high.setdefault(number >> 32, {}).setdefault((number >> 16) & 0xffff, []).append(number & 0xffff)
    out = struct.pack("<IQ", 1681511377, len(high))
    for word, containers in sorted(high.items()):
        out += struct.pack("<III", word, 12346, len(containers))
        out += b"".join(struct.pack("<HH", key, len(values) - 1) for key, values in sorted(containers.items()))
        offset = 8 + 8 * len(containers)
        for _, values in sorted(containers.items()):
            out += struct.pack("<I", offset)
            offset += 2 * len(values)
        out += b"".join(struct.pack("<H", value) for _, values in sorted(containers.items()) for value in values)
    return out


def deletion_vector(table, rows):
    """Write the vector of these rows of a file; what its `add` says of it."""
    name, data = uuid.uuid4(), bitmap(rows)
    framed = b"\x01" + struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    (Path(table) / f"deletion_vector_{name}.bin").write_bytes(framed)
    return {"storageType": "u", "pathOrInlineDv": z85(name.bytes), "offset": 1, "sizeInBytes": len(data), "cardinality": len(rows)}


def entry(table, version):
    return Path(table) / "_delta_log" / f"{version:020}.json"


def actions(table, version):
    """Of one entry: (kind, what)."""
    return [next(iter(json.loads(line).items())) for line in entry(table, version).read_text().splitlines()]


def commit(table, version, *said):
    path = entry(table, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(action) + "\n" for action in said))


def active(table, version):
    """The `add`s that stand at a version, by path."""
    found = {}
    for at in range(version + 1):
        for kind, what in actions(table, at):
            if kind == "remove":
                found.pop(what["path"], None)
            elif kind == "add":
                found[what["path"]] = what
    return found


def delete_rows(table, version, path, rows, old=()):
    """A commit that deletes rows of a file by a vector: beside those of `old`, which one says already."""
    was = active(table, version - 1)[path]
    now = {**was, "deletionVector": deletion_vector(table, sorted({*rows, *old})), "dataChange": True}
    gone = {"path": path, "dataChange": True, "deletionTimestamp": 1, "extendedFileMetadata": True,
            "partitionValues": was["partitionValues"], "size": was["size"]}
    if "deletionVector" in was:
        gone["deletionVector"] = was["deletionVector"]
    commit(table, version, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                                         "writerFeatures": ["deletionVectors"]}}, {"remove": gone}, {"add": now})


DELTA_TYPES = {pyarrow.int64(): "long", pyarrow.string(): "string", pyarrow.timestamp("us", "UTC"): "timestamp",
               pyarrow.float64(): "double"}


def mapped_table(table, data, physical):
    """A table of one file whose columns have other names in it (column mapping by name)."""
    table = Path(table)
    table.mkdir(parents=True)
    fields = [{"name": field.name, "type": DELTA_TYPES[field.type], "nullable": True,
               "metadata": {"delta.columnMapping.id": number + 1, "delta.columnMapping.physicalName": physical[field.name]}}
              for number, field in enumerate(data.schema)]
    inside = pyarrow.schema([pyarrow.field(physical[field.name], field.type, metadata={"PARQUET:field_id": str(number + 1)})
                             for number, field in enumerate(data.schema)])
    pyarrow.parquet.write_table(pyarrow.table(data.columns, schema=inside), table / "part-0.parquet")
    commit(table, 0, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
           {"metaData": {"id": str(uuid.uuid4()), "format": {"provider": "parquet", "options": {}},
                         "schemaString": json.dumps({"type": "struct", "fields": fields}), "partitionColumns": [], "createdTime": 1,
                         "configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": str(len(fields))}}},
           {"add": {"path": "part-0.parquet", "partitionValues": {}, "size": (table / "part-0.parquet").stat().st_size,
                    "modificationTime": 1, "dataChange": True}})
