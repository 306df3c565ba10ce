"""A case as files: asof.yaml, features/, data/ in Parquet, CSV or JSON, and the spine."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

import values as v
from gen import SELECTS

ARROW = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "list<int64>": pa.list_(pa.int64()),
    "list<string>": pa.list_(pa.string()),
    "uuid": pa.uuid(),
    "bytes": pa.binary(),
    "decimal(10,2)": pa.decimal128(10, 2),
    "decimal(18,6)": pa.decimal128(18, 6),
}


def write_definitions(case, directory, online="lmdb:./online"):
    (directory / "features").mkdir(parents=True)
    (directory / "asof.yaml").write_text(
        "project: property\ninclude: [features/*.yaml]\n"
        f"lake: ./lake\nonline: {online}\ncatalog: sqlite:./catalog.db\n"
    )
    lines = ["entities:"]
    for name, keys in case.entities.items():
        listed = ", ".join(f"{key}: {json.dumps(type_name)}" for key, type_name in keys)
        lines.append(f"  {name}: {{keys: {{{listed}}}}}")
    lines.append("sources:")
    for source in case.sources:
        lines += _source_lines(source)
    (directory / "features" / "a.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = ["views:"]
    for view in case.views:
        lines += _view_lines(view)
    for view in case.on_demand:
        lines += view.lines()
    lines.append("services:")
    for name, features in case.services.items():
        lines.append(f"  {name}:")
        lines.append("    features:")
        lines += [f"      - {view.name}.{feature}" for view, feature in features]
    (directory / "features" / "b.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _source_lines(source):
    event_time = "make_timestamp(ts)" if source.time_form == "number" else "ts"
    lines = [
        f"  {source.name}:",
        f"    path: {json.dumps(source.path)}",
        f"    event_time: {event_time}",
    ]
    if source.has_created_time:
        lines.append("    created_time: cr")
    if source.filter:
        lines.append(f"    filter: {json.dumps(source.filter[0])}")
    if source.selects:
        lines.append("    select:")
        lines += [f"      {name}: {json.dumps(SELECTS[name][0])}" for name in source.selects]
    if any(row.event_time is None for row in source.rows()):
        lines.append("    on_bad_row: skip")
    return lines


def _view_lines(view):
    lines = [f"  {view.name}:", f"    entity: {view.entity}", f"    source: {view.source.name}"]
    mapped = [f"{key}: {column}" for column, _, key in view.source.keys if column != key]
    if mapped:
        lines.append(f"    keys: {{{', '.join(mapped)}}}")
    for name, value in (
        ("step", view.step),
        ("max_age", view.max_age),
        ("available_after", view.available_after),
    ):
        if value:
            lines.append(f"    {name}: {value}")
    lines.append("    features:")
    for feature in view.features:
        parts = []
        if feature.column is not None:
            parts.append(f"column: {feature.column}")
        if feature.aggs:
            aggs = [json.dumps(a) if "(" in a else a for a in feature.aggs]
            parts.append(f"agg: {aggs[0] if len(aggs) == 1 else '[' + ', '.join(aggs) + ']'}")
            parts.append(f"windows: [{', '.join(feature.windows)}]")
        if feature.default is not None:
            parts.append(f"default: {json.dumps(feature.default)}")
        lines.append(f"      {feature.name}: {{{', '.join(parts)}}}")
    return lines


def write_data(case, directory, stage):
    """The files of one stage, every source's."""
    for source in case.sources:
        for f in source.files:
            if f.stage == stage:
                path = directory / f.path
                path.parent.mkdir(parents=True, exist_ok=True)
                {"parquet": _write_parquet, "csv": _write_csv, "json": _write_json}[source.format](
                    source, f, path
                )


def _time_column(source, times, seed):
    form = source.time_form
    if form == "number":
        return pa.array(times, pa.int64())
    if form == "ns":  # floored again when read
        return pa.array(
            [None if t is None else t * 1000 + (t * 7 + seed) % 1000 for t in times],
            pa.timestamp("ns"),
        )
    zone = {"utc": "UTC", "zone": "America/New_York"}.get(form)
    return pa.array(times, pa.timestamp("us", zone))


def _write_parquet(source, f, path):
    columns = {}
    for name, type_name, _ in source.keys:
        columns[name] = pa.array([row.values[name] for row in f.rows], ARROW[type_name])
    columns["ts"] = _time_column(source, [row.event_time for row in f.rows], 1)
    for name, type_name in source.columns.items():
        columns[name] = pa.array([row.values[name] for row in f.rows], ARROW[type_name])
    if source.has_created_time:
        columns["cr"] = pa.array([row.created_time for row in f.rows], pa.timestamp("us"))
    pq.write_table(pa.table(columns), path, row_group_size=source.group_size)


def _text_columns(source):
    types = {name: t for name, t, _ in source.keys}
    types["ts"] = "timestamp"
    types.update(source.columns)
    if source.has_created_time:
        types["cr"] = "timestamp"
    return types


def _cell(source, row, name):
    if name == "ts":
        return row.event_time
    if name == "cr" and source.has_created_time:
        return row.created_time
    return row.values[name]


def _csv_text(value, type_name, quotes_all):
    if value is None:
        return ""
    if type_name == "string":
        if (
            quotes_all
            or value == ""
            or any(c in value for c in ",\"'\n\t;#|")
            or value != value.strip()
        ):
            return '"' + value.replace('"', '""') + '"'
        return value
    if type_name == "timestamp":
        return v.sql_time(value)
    if type_name == "bool":
        return "true" if value else "false"
    return repr(value) if type_name == "float64" else str(value)


def _write_csv(source, f, path):
    types = _text_columns(source)
    quotes_all = source.group_size == 3
    lines = [",".join(types)]
    for row in f.rows:
        lines.append(
            ",".join(_csv_text(_cell(source, row, n), t, quotes_all) for n, t in types.items())
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_json(source, f, path):
    types = _text_columns(source)
    documents = []
    for number, row in enumerate(f.rows):
        document = {}
        for name, type_name in types.items():
            value = _cell(source, row, name)
            if value is None and number % 2 == 1:
                continue  # absent is NULL too
            if value is not None and type_name == "timestamp":
                value = v.sql_time(value)
            document[name] = str(value) if isinstance(value, v.datetime.date) else value
        documents.append(json.dumps(document, ensure_ascii=source.group_size == 3))
    text = (
        "[" + ",\n".join(documents) + "]"
        if source.group_size == 20
        else "\n".join(documents) + "\n"
    )
    path.write_text(text, encoding="utf-8")


def write_spine(spine, path):
    columns = {}
    types = {name: t for name, t, _ in spine.keys}
    types.update({name: v.COLUMNS[column][0] for name, column in spine.extras})
    for name in spine.columns:
        cells = [row[name] for row in spine.rows]
        if name == spine.time_column:
            columns[name] = pa.array(cells, pa.timestamp("us", "UTC" if spine.is_zoned else None))
        else:
            columns[name] = pa.array(cells, ARROW[types[name]])
    pq.write_table(pa.table(columns), path, row_group_size=spine.group_size)
