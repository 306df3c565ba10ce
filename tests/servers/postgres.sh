#!/bin/sh
# postgres.sh DIR PORT - PostgreSQL on 127.0.0.1:PORT. User "asof", password "s3cret/pass"; database "asof".
# PostgreSQL refuses to run as root: then DIR is given to the user "postgres", or to "nobody". It ends when who started it does.
set -eu
bin=${ASOF_POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1)}
[ -x "$bin/postgres" ] || exit 77
data=$1/data
run="setpriv --pdeathsig QUIT" # again, since who becomes another user forgets it
if [ "$(id -u)" -eq 0 ]; then
	user=postgres
	id "$user" > /dev/null 2>&1 || user=nobody
	chown "$user" "$1"
	run="$run --reuid=$user --regid=$(id -g "$user") --clear-groups"
fi
cd "$1"
if [ ! -d "$data" ]; then
	printf 's3cret/pass' > "$1/password"
	chmod 644 "$1/password"
	$run "$bin/initdb" -D "$data" -U asof -A scram-sha-256 --pwfile="$1/password" -E UTF8 --locale=C.UTF-8 --no-sync
	echo 'create database asof' | $run "$bin/postgres" --single -D "$data" postgres
fi
# What a killed server has left behind ends by itself; its shared memory must be free.
tries=100
while [ "$tries" -gt 0 ] && ls -l /proc/[0-9]*/cwd 2> /dev/null | grep -q " $data\$"; do
	tries=$((tries - 1))
	sleep 0.05
done
exec $run "$bin/postgres" -D "$data" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB
