#!/bin/bash
# venv.sh [--where] [REQUIREMENTS [PYTHON]] - make a Python environment in the cache, unless it is there, and
# print its python. It is named by the hash of REQUIREMENTS, by default tests/requirements.txt. --where only prints.
. "$(dirname "$0")/lib.sh"

where=
if [ "${1-}" = --where ]; then
	where=yes
	shift
fi
requirements=${1:-$root/tests/requirements.txt}
python=${2:-python3}
key=$(sha256sum < "$requirements" | cut -c 1-16)
venv=$cache/venv-$key

make_venv()
{
	note "making the Python environment of ${requirements#"$root"/}"
	rm -rf "$venv"
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
		die "$python is older than 3.11" "put a newer python3 first in the PATH"
	# Made in its final place, since a virtual environment knows its own path; `complete` says it is whole.
	"$python" -m venv "$venv" ||
		die "$python cannot make a virtual environment" "run 'make setup', or install python3-venv"
	"$venv/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: \
		-r "$requirements" ||
		die "pip cannot install $requirements" "check the network and pip's index settings, then run again"
	touch "$venv/complete"
}

# Whole, and with a python that still runs: the system's may have been replaced since.
is_good() { [ -e "$venv/complete" ] && "$venv/bin/python" -c '' 2> /dev/null; }

if [ -z "$where" ] && ! is_good; then
	mkdir -p "$cache" || die "cannot write to the cache '$cache'" "set ASOF_CACHE to a directory of yours"
	exec 9> "$cache/venv.lock"
	flock 9
	is_good || make_venv
fi
echo "$venv/bin/python"
