#!/bin/bash
# property.sh [PRESET] - PROPERTY_CASES (10000) random cases of each kernel against its oracle (DuckDB itself for on-demand
# expressions), then as many random
# projects of the property tests against the program of build/PRESET (release), as many at once as there are CPUs, on
# seeds from PROPERTY_FIRST (1) on. What failed is printed with how to see it again; the logs are in build/property.
. "$(dirname "$0")/lib.sh"

CHUNK=25 # cases of each claim in one process

cd "$root"
preset=${1:-release}
logs=$root/build/property
program=$root/build/$preset/asof
[ -x "$program" ] || die "there is no $program" "run scripts/build.sh $preset asof asof_shared"
kernels=(test_pit test_spine_index test_tile_build test_window test_window_sweep test_answer test_engine_on_demand)
claims=$(cat tests/property/test_join.py tests/property/test_online.py | grep -c 'def test_')
each=$(((${PROPERTY_CASES:-10000} + claims - 1) / claims))
first=${PROPERTY_FIRST:-1}
export ASOF_BIN=$program ASOF_LIB_DIR=$root/build/$preset PYTHONPATH=$root/tests PYTHONDONTWRITEBYTECODE=1
python=$(scripts/venv.sh --where)
export python logs
rm -rf "$logs"
mkdir -p "$logs"

# chunk MODULE FIRST COUNT
chunk()
{
	local log=$logs/$1-$2.log
	if (cd tests/property && ASOF_FIRST=$2 ASOF_CASES=$3 "$python" -m unittest "$1") > "$log" 2>&1; then
		rm "$log"
		return 0
	fi
	tail -n 40 "$log"
	return 1
}
export -f chunk

scripts/build.sh "$preset" "${kernels[@]}"
note "${PROPERTY_CASES:-10000} cases of each kernel"
for kernel in "${kernels[@]}"; do
	ASOF_CASES=${PROPERTY_CASES:-10000} "build/$preset/tests/$kernel" > "$logs/$kernel.log" 2>&1 ||
		die "$kernel failed" "run: ASOF_CASES=${PROPERTY_CASES:-10000} build/$preset/tests/$kernel"
done
note "$((each * claims)) projects from seed $first on"
for ((at = 0; at < each; at += CHUNK)); do
	count=$((each - at < CHUNK ? each - at : CHUNK))
	for module in test_join test_online; do
		printf '%s %s %s\n' "$module" $((first + at)) "$count"
	done
	# A case of these is a whole history: one for five of the others.
	printf '%s %s %s\n' test_increments $((first + at)) $((count / 5 + 1))
done | xargs -P "$(nproc)" -L 1 bash -c 'chunk "$@"' chunk || die "property tests failed" "the logs are in $logs"
