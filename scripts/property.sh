#!/bin/bash
# property.sh [PRESET] - PROPERTY_CASES (10000) random projects of the property tests against the program of
# build/PRESET (release), as many at once as there are CPUs, on seeds from PROPERTY_FIRST (1) on. What failed
# is printed with how to see it again; the logs are in build/property.
. "$(dirname "$0")/lib.sh"

CHUNK=25 # cases of each claim in one process

cd "$root"
preset=${1:-release}
logs=$root/build/property
program=$root/build/$preset/asof
[ -x "$program" ] || die "there is no $program" "run scripts/build.sh $preset asof asof_shared"
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

note "$((each * claims)) cases from seed $first on"
for ((at = 0; at < each; at += CHUNK)); do
	count=$((each - at < CHUNK ? each - at : CHUNK))
	for module in test_join test_online; do
		printf '%s %s %s\n' "$module" $((first + at)) "$count"
	done
done | xargs -P "$(nproc)" -L 1 bash -c 'chunk "$@"' chunk || die "property tests failed" "the logs are in $logs"
