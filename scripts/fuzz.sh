#!/bin/bash
# fuzz.sh - run each fuzzer for FUZZ_SECONDS (30). New inputs and crashes stay in build/fuzz.
. "$(dirname "$0")/lib.sh"

cd "$root"
seconds=${FUZZ_SECONDS:-30}
scripts/build.sh fuzz fuzzers
failed=()
for source in tests/fuzz/fuzz_*.c; do
	[ -e "$source" ] || continue
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	grown=build/fuzz/corpus/$name
	mkdir -p "$grown" "build/fuzz/crashes"
	seeds=()
	[ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
	note "fuzzing $name for $seconds s"
	"build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
		-rss_limit_mb=2048 -artifact_prefix="build/fuzz/crashes/$name-" "$grown" "${seeds[@]}" \
		> "build/fuzz/$name.log" 2>&1 || {
		failed+=("$name")
		tail -n 40 "build/fuzz/$name.log"
		continue
	}
	grep -E 'stat::(number_of_executed_units|average_exec_per_sec)' "build/fuzz/$name.log" || true
done
[ ${#failed[@]} -eq 0 ] ||
	die "fuzzers failed: ${failed[*]}" "the inputs are in build/fuzz/crashes; add each to tests/fuzz/corpus"
