#!/bin/bash
# cov.sh - line coverage by folder, of every test. Fails below the limits in scripts/coverage.py.
. "$(dirname "$0")/lib.sh"

cd "$root"
scripts/setup.sh test
scripts/build.sh cov
find build/cov -name '*.gcda' -delete
rc=0
(cd build/cov && ctest -j2 -L '^(unit|conformance|fault|fuzz|e2e|property)$' --output-on-failure) || rc=$?
gcovr --root . --filter 'src/' --json-summary build/coverage.json --html-details build/coverage.html build/cov
python3 scripts/coverage.py build/coverage.json
[ $rc -eq 0 ] || die "tests fail in the coverage build" "see above"
