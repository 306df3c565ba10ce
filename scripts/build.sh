#!/bin/bash
# build.sh PRESET [TARGET..] - configure build/PRESET and build it, quietly unless something is wrong.
. "$(dirname "$0")/lib.sh"

preset=$1
shift
log=$root/build/configure-$preset.log
cd "$root"
mkdir -p build
cmake --preset "$preset" -Wno-dev > "$log" 2>&1 || {
	cat "$log" >&2
	die "preset '$preset' does not configure" "see above; 'make clean' forgets an older configuration"
}
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
cmake --build "build/$preset" -j "$(nproc)" "${targets[@]}" -- --quiet
