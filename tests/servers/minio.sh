#!/bin/sh
# minio.sh DIR PORT - MinIO on 127.0.0.1:PORT with one bucket, "lake". Key "testkey", secret "testsecret".
set -eu
minio=${ASOF_MINIO:-${ASOF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/asof}/minio/minio}
[ -x "$minio" ] || exit 77
mkdir -p "$1/data/lake"
export MINIO_ROOT_USER=testkey MINIO_ROOT_PASSWORD=testsecret MINIO_BROWSER=off MINIO_UPDATE=off
exec "$minio" server --quiet --address "127.0.0.1:$2" "$1/data"
