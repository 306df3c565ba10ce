#!/bin/bash
# fetch-flights.sh - the data of examples/flights: three million flights and their airports, from the
# npm package vega-datasets, by way of the cache.
. "$(dirname "$0")/lib.sh"

version=3.2.1
files=(flights-3m.parquet airports.csv)
data=$root/examples/flights/data

fetch()
{
	note "fetching the flights (vega-datasets $version)"
	with_temp
	npm_fetch vega-datasets $version
	for file in "${files[@]}"; do
		tar xzf "$temp/npm.tgz" -C "$temp" "package/data/$file"
		publish "flights/$file" "$temp/package/data/$file"
	done
}

for file in "${files[@]}"; do
	cached "flights/$file" || { fetch; break; }
done

mkdir -p "$data"
for file in "${files[@]}"; do
	if ! cmp -s "$cache/flights/$file" "$data/$file"; then
		cp "$cache/flights/$file" "$data/.$file.$$"
		mv "$data/.$file.$$" "$data/$file"
	fi
done
