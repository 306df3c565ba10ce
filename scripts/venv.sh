#!/bin/bash
# venv.sh [--where] - make the Python environment of the tests in the cache, unless it is there, and
# print its python. It is named by the hash of tests/requirements.txt. --where only prints.
. "$(dirname "$0")/lib.sh"

requirements=$root/tests/requirements.txt
key=$(sha256sum < "$requirements" | cut -c 1-16)
venv=$cache/venv-$key

make_venv()
{
	note "making the tests' Python environment"
	rm -rf "$venv"
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
		die "python3 is older than 3.11" "put a newer python3 first in the PATH"
	# Made in its final place, since a virtual environment knows its own path; `complete` says it is whole.
	python3 -m venv "$venv" ||
		die "python3 cannot make a virtual environment" "run 'make setup', or install python3-venv"
	"$venv/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: \
		-r "$requirements" ||
		die "pip cannot install tests/requirements.txt" "check the network and pip's index settings, then run again"
	touch "$venv/complete"
}

# Whole, and with a python that still runs: the system's may have been replaced since.
is_good() { [ -e "$venv/complete" ] && "$venv/bin/python" -c '' 2> /dev/null; }

if [ "${1-}" != --where ] && ! is_good; then
	mkdir -p "$cache" || die "cannot write to the cache '$cache'" "set ASOF_CACHE to a directory of yours"
	exec 9> "$cache/venv.lock"
	flock 9
	is_good || make_venv
fi
echo "$venv/bin/python"
