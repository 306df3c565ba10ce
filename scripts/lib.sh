# lib.sh - what the set-up scripts share: messages, the cache, downloads that arrive whole or not at all.
# shellcheck shell=bash

set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ASOF_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or ASOF_CACHE}/.cache}/asof}
sums=$root/scripts/checksums.sha256

note() { printf '%s\n' "asof set-up: $*" >&2; }

# die WHAT REMEDY
die()
{
	printf '%s\n' "asof set-up: $1" "  remedy: $2" >&2
	exit 1
}

need()
{
	command -v "$1" > /dev/null || die "'$1' is not installed" "run 'make setup', or install $2"
}

# verify NAME FILE: does FILE have the checksum that checksums.sha256 pins for NAME?
verify()
{
	local want
	want=$(awk -v name="$1" '$2 == name { print $1 }' "$sums")
	[ -n "$want" ] || die "no checksum for '$1'" "add it to scripts/checksums.sha256"
	[ -f "$2" ] || die "the download holds no '$1'" "report this: the pinned package has changed"
	printf '%s  %s\n' "$want" "$2" | sha256sum --check --status ||
		die "'$1' as downloaded has another checksum than the pinned one" \
		    "try again; if it stays so the published file was changed: do not use it"
}

# publish NAME FILE: verify FILE and move it to NAME in the cache, whole or not at all.
publish()
{
	local dest=$cache/$1
	verify "$1" "$2"
	mkdir -p "$(dirname "$dest")"
	cp "$2" "$dest.$$"
	sync "$dest.$$"
	mv "$dest.$$" "$dest"
}

cached() { [ -s "$cache/$1" ]; }

# with_temp: set `temp` to a private directory that goes away with the script.
with_temp()
{
	mkdir -p "$cache" 2> /dev/null ||
		die "cannot write to the cache '$cache'" "set ASOF_CACHE to a directory of yours"
	temp=$(mktemp -d "$cache/tmp.XXXXXX") ||
		die "cannot write to the cache '$cache'" "set ASOF_CACHE to a directory of yours"
	trap 'rm -rf "$temp"' EXIT
}

# npm_fetch PACKAGE VERSION: the package's archive as $temp/npm.tgz
npm_fetch()
{
	need npm "the package npm"
	(cd "$temp" && npm pack --silent "$1@$2" > npm.out 2> npm.err && mv ./*.tgz npm.tgz) ||
		die "npm cannot fetch $1 $2: $(tail -n 3 "$temp/npm.err" | tr '\n' ' ')" \
		    "check the network and npm's registry settings, then run again"
}

# pip_fetch DIR ARGUMENT..: pip download without dependencies into $temp/DIR
pip_fetch()
{
	local dir=$temp/$1
	shift
	python3 -m pip --version > /dev/null 2>&1 ||
		die "'python3 -m pip' does not work" "run 'make setup', or install python3-pip"
	python3 -m pip download -q --disable-pip-version-check --no-deps -d "$dir" "$@" \
		2> "$temp/pip.err" ||
		die "pip cannot fetch $*: $(tail -n 3 "$temp/pip.err" | tr '\n' ' ')" \
		    "check the network and pip's index settings, then run again"
}
