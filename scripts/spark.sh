#!/bin/bash
# spark.sh - PySpark with Delta's package in the cache, for the tests that have Spark read what asof writes; the jars are fetched
# by Spark's own client when it first starts. Where there is no Java, or no network, those tests say so and are skipped.
. "$(dirname "$0")/lib.sh"

if ! command -v java > /dev/null; then
	note "no Java here: the tests with Spark will be skipped"
elif ! "$root/scripts/venv.sh" "$root/tests/requirements-spark.txt" > /dev/null; then
	note "PySpark cannot be installed here: the tests with Spark will be skipped"
fi
