#!/bin/bash
# setup.sh build|test|bench - what a fresh Debian 12 needs to build asof, to test it too, or to measure it beside others:
# packages, DuckDB, and for the tests an extension, a Python environment and the flights. Silent when all is there.
. "$(dirname "$0")/lib.sh"

# The packages of the sections named, one a line, without those whose command is there.
wanted_packages()
{
	awk -v sections="$*" '
		BEGIN { split(sections, names, " "); for (i in names) wanted[names[i]] = 1 }
		/^\[/ { section = substr($1, 2, length($1) - 2); next }
		/^[a-z]/ && section in wanted { print }' "$root/packages.txt" |
		while read -r package condition command; do
			if [ "$condition" != if-missing ] || ! command -v "$command" > /dev/null; then
				echo "$package"
			fi
		done
}

# Those of the packages named that are not installed.
missing_packages()
{
	local installed package
	installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2> /dev/null |
		awk '$2 == "installed" { print $1 }') || true # it fails where one is unknown
	for package in "$@"; do
		grep -qxF "$package" <<< "$installed" || echo "$package"
	done
}

apt()
{
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_packages()
{
	local remedy="run as root: apt-get install $*"
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo > /dev/null || die "packages are missing, and this is neither root nor sudo" "$remedy"
		as_root=(sudo)
	fi
	note "installing packages: $*"
	# Package lists may be absent or too old: then they are fetched, and it is tried again.
	apt install -y --no-install-recommends "$@" > /dev/null 2>&1 || {
		apt update > /dev/null || die "apt cannot fetch the package lists" "check the network; then $remedy"
		apt install -y --no-install-recommends "$@" > /dev/null ||
			die "apt cannot install packages" "$remedy"
	}
}

setup_packages()
{
	local wanted missing
	mapfile -t wanted < <(wanted_packages "$@")
	if ! command -v dpkg-query > /dev/null; then
		note "this is no Debian: these must be there under their own names: ${wanted[*]}"
		return
	fi
	mapfile -t missing < <(missing_packages "${wanted[@]}")
	[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

case ${1-} in
build)
	setup_packages build
	"$root/scripts/fetch-duckdb.sh"
	;;
test)
	setup_packages build test
	"$root/scripts/fetch-duckdb.sh" delta httpfs iceberg
	"$root/scripts/venv.sh" > /dev/null
	"$root/scripts/fetch-flights.sh"
	"$root/scripts/servers.sh"
	;;
bench)
	"$0" test
	setup_packages bench
	;;
*)
	die "usage: setup.sh build|test|bench" "choose one"
	;;
esac
