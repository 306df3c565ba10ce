#!/bin/bash
# feast.sh - Feast's package in the cache (600 MB), for the test that has its client get features from asof serve. Where it cannot be had,
# that test says so and is skipped.
. "$(dirname "$0")/lib.sh"

"$root/scripts/venv.sh" "$root/tests/requirements-feast.txt" > /dev/null ||
	note "Feast cannot be installed here: the test with its client will be skipped"
