#!/bin/bash
# servers.sh - servers that tests talk to and no package brings: MinIO, built once from the Go module proxy
# into the cache where a Go that can build it is there. Without it its tests say so and are skipped.
. "$(dirname "$0")/lib.sh"

minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
minio=$cache/minio/minio

build_minio()
{
	note "building MinIO, for the tests of object storage (once, a few minutes)"
	with_temp
	if GOBIN=$temp go install "github.com/minio/minio@$minio_version" > "$temp/log" 2>&1; then
		mkdir -p "$cache/minio"
		mv "$temp/minio" "$minio"
	else
		note "MinIO cannot be built here: the tests of object storage will be skipped"
		tail -n 3 "$temp/log" >&2
	fi
}

if [ ! -x "$minio" ]; then
	if command -v go > /dev/null; then
		build_minio
	else
		note "no Go here: the tests of object storage will be skipped"
	fi
fi
