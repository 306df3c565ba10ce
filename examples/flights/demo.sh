#!/bin/bash
# demo.sh - the whole path on three million real flights: build, join, materialize, serve; and a leak.
#
# ASOF names the program (default: asof on the PATH). Run again at will: it removes what it made before
# (lake, online, catalog.db, out) and nothing else. `make demo` builds the program, fetches the data and runs this.
set -euo pipefail
export LC_ALL=C

asof=${ASOF:-asof}
case $asof in
/*) ;;
*/*) asof=$PWD/$asof ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD

server=
cleanup()
{
	if [ -n "$server" ]; then
		kill -TERM "$server" 2> /dev/null || true
		wait "$server" 2> /dev/null || true
	fi
}
trap cleanup EXIT

die() { printf 'demo: %s\n' "$1" >&2; exit 1; }

# now_ms: milliseconds since some instant.
now_ms() { local now=$EPOCHREALTIME; echo $((${now/./} / 1000)); }

# seconds SINCE_MS: how long ago that was, "1.2".
seconds()
{
	local ms=$(($(now_ms) - $1))
	printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

chapter() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
size() { du -shL "$@" | awk '{ print $1 }'; }

# brief: JSON, a line per row, the long ones cut.
brief() { sed -e 's/},{"key"/},\n{"key"/g' | sed -E 's/^(.{320}).+/\1 .../'; }

# run ARGUMENT..: show the command as one would type it, run it, say how long it took.
run()
{
	local start word line=asof
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=,@-]*) line+=" \"$word\"" ;;
		*) line+=" $word" ;;
		esac
	done
	printf '\n$ %s\n' "$line"
	start=$(now_ms)
	"$asof" "$@" | brief
	printf '   (%s s)\n' "$(seconds "$start")"
}

# fetch METHOD PATH [BODY]: one request, shown and answered.
fetch()
{
	printf '\n$ curl %s%s\n' "http://$address$2" "${3:+ -d '$3'}"
	curl -sS --fail-with-body -X "$1" ${3:+-H 'Content-Type: application/json' -d "$3"} "http://$address$2" | brief
	echo
}

command -v "$asof" > /dev/null || die "no program '$asof': run 'make demo', or set ASOF"
[ -s data/flights-3m.parquet ] && [ -s data/airports.csv ] ||
	die "no data: run 'make demo', or scripts/fetch-flights.sh"

demo_start=$(now_ms)
rm -rf lake online catalog.db catalog.db-shm catalog.db-wal out
mkdir out

chapter "1. Define. features/ holds two entities, two sources, three views, one service"
say "data: flights-3m.parquet $(size data/flights-3m.parquet), airports.csv $(size data/airports.csv)"
run plan
run apply

chapter "2. Build. Six months of flights become tiles: one row per airport, or route, and hour"
run build
say "lake: $(size lake) in Delta tables"

chapter "3. Join. Every flight of June gets what was known three hours before it left"
run sql "COPY (SELECT date, origin, destination, delay > 15 AS label FROM flights WHERE date >= '2001-06-01' AND date < '2001-07-01' ORDER BY ALL) TO 'out/spine.parquet' (FORMAT parquet)"
run join --spine out/spine.parquet --time-column date --service delay_model --out out/training.parquet
say "training set: $(size out/training.parquet), and what it was made from: out/training.parquet.asof.json"

chapter "4. Materialize and serve. The same values for one key, now, in a moment"
run materialize --at 2001-06-30T00:00:00Z
say "online store: $(size online)"
run get departures origin=ORD --at 2001-06-30T00:00:00Z

printf '\n$ asof serve --clock 2001-06-30T00:00:00Z &\n'
"$asof" serve --listen 127.0.0.1:0 --clock 2001-06-30T00:00:00Z 2> out/server.log &
server=$!
address=
for _ in $(seq 200); do
	address=$(sed -n 's/.*listening on \([0-9.]*:[0-9]*\).*/\1/p' out/server.log)
	if [ -n "$address" ] || ! kill -0 "$server" 2> /dev/null; then
		break
	fi
	sleep 0.05
done
[ -n "$address" ] || { cat out/server.log >&2; die "the server did not start"; }
say "listening on $address; it is 30 June 2001 there, and the clock runs"
fetch GET /features/airports/ORD
fetch POST /features/batch '{"features": ["departures.delay_mean_1d", "departures.late_mean_6h", "routes.flights_count_7d", "routes.late_mean_7d", "airports.city"], "entities": {"origin": ["ORD", "ATL", "ZZZ"], "destination": ["LAX", "JFK", "ORD"]}}'
cleanup
server=

chapter "5. The leak that available_after prevents"
say "leak/ has the routes again, but each flight is known at its own time of departure. Its windows then"
say "hold the very delay that they shall predict: a model would be brilliant in training, and nowhere else."
run -C leak build
run -C leak join --spine ../out/spine.parquet --time-column date --features routes.flights_count_1h,routes.late_mean_1h --out ../out/leaked.parquet
leak_sql="SELECT available_after, count(late) AS windows, count(*) FILTER (flights = 1) AS of_one_flight, round(corr(late, label::INT), 3) AS correlation_with_label
FROM (SELECT '3h' AS available_after, routes__late_mean_1h AS late, routes__flights_count_1h AS flights, label FROM 'out/training.parquet'
UNION ALL SELECT 'none', routes__late_mean_1h, routes__flights_count_1h, label FROM 'out/leaked.parquet')
GROUP BY ALL ORDER BY ALL"
run sql "$leak_sql"
say "Known too early, most windows hold one flight: the one that they shall predict."

chapter "Done in $(seconds "$demo_start") s"
cat << END

To try next, in $here:
  asof list views
  asof show departures
  asof sql "SELECT * FROM departures WHERE origin = 'ORD' ORDER BY event_time DESC LIMIT 5"
  asof get routes origin=ATL destination=JFK --at 2001-07-02T12:00:00Z   # the windows have drained
  asof validate departures
  edit features/routes.yaml, then: asof plan
  asof serve --clock 2001-06-30T00:00:00Z
asof is $asof
END
