#!/bin/bash
# test.sh [long] - every test. All of them run whatever fails; the last line counts them.
#
# The sanitized build runs unit, conformance, fault and fuzz corpus; the thread sanitizer those that start
# threads; the release build, which is what users get, those that drive the program.
. "$(dirname "$0")/lib.sh"

cd "$root"
passed=0
failed=0
if [ "${1-}" = long ]; then
	export ASOF_TEST_LONG=1
fi

count()
{
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $*" >&2
	fi
}

# run PRESET LABELS [TARGET..]: build, then the tests with one of the labels.
run()
{
	local preset=$1 labels=$2 log=$root/build/ctest-$1.log
	shift 2
	note "$preset: $labels"
	if ! scripts/build.sh "$preset" "$@"; then
		failed=$((failed + 1))
		echo "FAILED: build $preset" >&2
		return
	fi
	(cd "build/$preset" && ctest -j2 -L "^($labels)\$" --output-on-failure) 2>&1 | tee "$log" || true
	local line
	line=$(grep -E '[0-9]+% tests passed' "$log") || {
		grep -q 'No tests were found' "$log" || failed=$((failed + 1))
		return
	}
	local bad total
	read -r bad total < <(sed -E 's/.*, ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/' <<< "$line")
	failed=$((failed + bad))
	passed=$((passed + total - bad))
}

scripts/setup.sh test
[ -z "${ASOF_TEST_LONG-}" ] || scripts/spark.sh
[ -z "${ASOF_TEST_LONG-}" ] || scripts/feast.sh
count scripts/build.sh release asof asof_shared
for check in scripts/check/check_*; do
	count "$check"
done
run dev 'unit|conformance|fault|fuzz'
run tsan 'threads' threads_tests
run release 'e2e|property' e2e_targets
if [ -n "${ASOF_TEST_LONG-}" ]; then
	run release 'unit|conformance|fault|fuzz'
	count scripts/property.sh
	count scripts/fuzz.sh
	count scripts/cov.sh
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
