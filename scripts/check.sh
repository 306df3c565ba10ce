#!/bin/bash
# check.sh - run every check of scripts/check/, whatever fails; the last line counts them.
. "$(dirname "$0")/lib.sh"

passed=0
failed=0
for check in "$root"/scripts/check/check_*; do
	if "$check"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
