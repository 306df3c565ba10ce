#!/bin/bash
# cov.sh - line coverage by folder, of every test. Fails below the limits in scripts/coverage.py.
. "$(dirname "$0")/lib.sh"

cd "$root"
scripts/setup.sh test
scripts/build.sh cov
find build/cov -name '*.gcda' -delete
(cd build/cov && ctest -j2 -L '^(unit|conformance|fault|fuzz|e2e|property)$' --output-on-failure) ||
	die "tests fail in the coverage build" "see above"
gcovr --root . --filter 'src/' --json-summary build/coverage.json --html-details build/coverage.html \
	--exclude-unreachable-branches build/cov
python3 scripts/coverage.py build/coverage.json
