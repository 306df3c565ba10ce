"""What OpenLineage 2-0-2 demands of an event and of the facets that asof writes: members, types and formats."""
import datetime
import re
import uuid

PRODUCER = re.compile(r"urn:asof:\d+\.\d+\.\d+$")
SPEC = "https://openlineage.io/spec/"
TRANSFORMATIONS = {"DIRECT": {"IDENTITY", "TRANSFORMATION", "AGGREGATION"},
                   "INDIRECT": {"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"}}


class Broken(AssertionError):
    """An event that is not as the specification wants it."""


def want(condition, what, value):
    if not condition:
        raise Broken(f"{what}: {value!r}")


def members(value, what, needed, allowed):
    want(isinstance(value, dict), f"{what} is no object", value)
    want(set(needed) <= set(value), f"{what} lacks a member of {needed}", value)
    want(set(value) <= set(needed) | set(allowed), f"{what} has a member that is unknown", value)


def texts(value, what, *names):
    for name in names:
        want(isinstance(value[name], str), f"{what}.{name} is no text", value[name])


def schema(facet):
    for field in facet["fields"]:
        members(field, "a field", ["name"], ["type", "description", "fields"])
        texts(field, "a field", "name")


def columns(facet):
    for column in facet["fields"].values():
        members(column, "a column", ["inputFields"], [])
        for item in column["inputFields"]:
            members(item, "an input field", ["namespace", "name", "field"], ["transformations"])
            texts(item, "an input field", "namespace", "name", "field")
            for change in item["transformations"]:
                members(change, "a transformation", ["type"], ["subtype", "description", "masking"])
                want(change["subtype"] in TRANSFORMATIONS[change["type"]], "a transformation is unknown", change)
                want(isinstance(change["masking"], bool), "masking is no bool", change)


def statistics(facet):
    want(isinstance(facet["rowCount"], int) and facet["rowCount"] >= 0, "rowCount is no count", facet)


FACETS = {  # name -> (schema, members, a check of them)
    "schema": ("facets/1-1-1/SchemaDatasetFacet.json", ["fields"], schema),
    "columnLineage": ("facets/1-2-0/ColumnLineageDatasetFacet.json", ["fields"], columns),
    "version": ("facets/1-0-1/DatasetVersionDatasetFacet.json", ["datasetVersion"], None),
    "errorMessage": ("facets/1-0-1/ErrorMessageRunFacet.json", ["message", "programmingLanguage"], None),
    "outputStatistics": ("facets/1-0-2/OutputStatisticsOutputDatasetFacet.json", ["rowCount"], statistics),
}


def facets(value):
    for name, facet in value.items():
        want(name in FACETS, "a facet is unknown", name)
        where, needed, check = FACETS[name]
        members(facet, name, ["_producer", "_schemaURL", *needed], [])
        want(PRODUCER.match(facet["_producer"]), "_producer", facet["_producer"])
        want(facet["_schemaURL"] == SPEC + where, "_schemaURL", facet["_schemaURL"])
        if check:
            check(facet)


def check(event):
    """Raise Broken unless `event` is a RunEvent."""
    members(event, "the event", ["run", "job", "eventTime", "producer", "schemaURL"], ["eventType", "inputs", "outputs"])
    want(event["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"), "eventType", event["eventType"])
    want(PRODUCER.match(event["producer"]), "producer", event["producer"])
    want(event["schemaURL"] == SPEC + "2-0-2/OpenLineage.json#/$defs/RunEvent", "schemaURL", event["schemaURL"])
    want(datetime.datetime.fromisoformat(event["eventTime"]).tzinfo, "eventTime has no zone", event["eventTime"])
    members(event["run"], "run", ["runId"], ["facets"])
    want(str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"], "runId", event["run"]["runId"])
    facets(event["run"].get("facets", {}))
    members(event["job"], "job", ["namespace", "name"], ["facets"])
    texts(event["job"], "job", "namespace", "name")
    for kind in ("inputs", "outputs"):
        for dataset in event.get(kind, []):
            members(dataset, kind, ["namespace", "name"], ["facets", kind[:-1] + "Facets"])
            texts(dataset, kind, "namespace", "name")
            want(dataset["namespace"] and dataset["name"], "a dataset without a name", dataset)
            facets(dataset.get("facets", {}))
            facets(dataset.get(kind[:-1] + "Facets", {}))
