#!/bin/bash
# bench.sh - run every executable of bench/, with the program in ASOF and the tests' Python in PYTHON.
. "$(dirname "$0")/lib.sh"

cd "$root"
ASOF=$root/build/release/asof
PYTHON=$(scripts/venv.sh)
export ASOF PYTHON
for script in bench/*; do
	if [ -f "$script" ] && [ -x "$script" ]; then
		note "$script"
		"$script"
	fi
done
