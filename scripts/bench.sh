#!/bin/bash
# bench.sh [--long] - run the figures of bench/ and write docs/BENCHMARK.md and docs/plots from their results, with the
# program in ASOF (default: build/release/asof). One that fails is named, and the others still run.
. "$(dirname "$0")/lib.sh"

figures=(demo_vs_duckdb join_direct join_lake join_feast join_hopsworks windows_flights windows_mlforge lake_increment kernels lake lake_open upload online push online_store)
failed=()
cd "$root"
export ASOF=${ASOF:-$root/build/release/asof}
for figure in "${figures[@]}"; do
	note "bench/$figure.py $*"
	"bench/$figure.py" "$@" || failed+=("$figure")
done
bench/report.py
[ ${#failed[@]} -eq 0 ] || die "these figures failed: ${failed[*]}" "see above; what they had before stands"
