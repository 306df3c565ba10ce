#!/bin/bash
# fetch-duckdb.sh [EXTENSION..] - put DuckDB's library and header, and the extensions named, into the cache.
# What is there already is not fetched again. Prints nothing when there is nothing to do.
. "$(dirname "$0")/lib.sh"

version=1.5.5
bindings=1.5.5-r.5 # the npm release that carries the library
name=duckdb-$version
platform=linux_amd64

fetch_library()
{
	note "fetching DuckDB $version, the library (24 MB)"
	npm_fetch @duckdb/node-bindings-linux-x64 $bindings
	tar xzf "$temp/npm.tgz" -C "$temp" package/libduckdb.so
	publish "$name/lib/libduckdb.so" "$temp/package/libduckdb.so"
	rm -rf "$temp/npm.tgz" "$temp/package"
}

fetch_header()
{
	note "fetching DuckDB $version, the header (18 MB)"
	pip_fetch sdist --no-binary duckdb "duckdb==$version"
	tar xzf "$temp/sdist/duckdb-$version.tar.gz" -C "$temp" --strip-components=4 \
		"duckdb-$version/external/duckdb/src/include/duckdb.h"
	publish "$name/include/duckdb.h" "$temp/include/duckdb.h"
}

extension_file() { echo "$name/ext/v$version/$platform/$1.duckdb_extension"; }

fetch_extension()
{
	grep -q " $(extension_file "$1")\$" "$sums" ||
		die "no DuckDB extension '$1' is pinned" "choose from those in scripts/checksums.sha256"
	note "fetching DuckDB $version, the extension $1"
	pip_fetch "wheel-$1" --only-binary=:all: "duckdb-extension-${1//_/-}==$version"
	python3 -m zipfile -e "$temp/wheel-$1"/*.whl "$temp/wheel-$1/files"
	publish "$(extension_file "$1")" \
		"$(find "$temp/wheel-$1/files" -name "$1.duckdb_extension" | head -n 1)"
}

[ "$(uname -sm)" = "Linux x86_64" ] ||
	die "DuckDB is pinned for Linux on x86_64 only, this is '$(uname -sm)'" \
	    "put libduckdb.so and duckdb.h $version into a directory's lib/ and include/, set ASOF_DUCKDB_DIR"

wanted=()
for extension in "$@"; do
	[ "$extension" != iceberg ] || cached "$(extension_file avro)" || wanted+=(avro)
	cached "$(extension_file "$extension")" || wanted+=("$extension")
done

if ! cached "$name/lib/libduckdb.so" || ! cached "$name/include/duckdb.h" || [ ${#wanted[@]} -gt 0 ]; then
	with_temp
	cached "$name/lib/libduckdb.so" || fetch_library
	cached "$name/include/duckdb.h" || fetch_header
	for extension in "${wanted[@]}"; do
		cached "$(extension_file "$extension")" || fetch_extension "$extension"
	done
fi
