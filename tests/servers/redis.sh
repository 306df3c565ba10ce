#!/bin/sh
# redis.sh DIR PORT - Redis on 127.0.0.1:PORT and at DIR/redis.sock; with TLS on ASOF_TEST_TLS_PORT where that is set,
# its authority in DIR/ca.crt. What it acknowledged survives a SIGKILL. The users, beside the default one:
# "asof" (password "s3cret/pass") may do what a store needs, "reader" (password "read") what a server needs that only reads.
set -eu
command -v redis-server > /dev/null || exit 77
cd "$1"
cat > users.acl << 'END'
user default on nopass ~* &* +@all
user asof on >s3cret/pass ~asof:* -@all +hello +ping +select +client|setname +multi +exec +eval +evalsha +hget +hmget +smembers +hset +hincrby +hdel +sadd +srandmember +srem +rpush +lpop +set +get +pttl +exists +del +unlink
user reader on >read ~asof:* -@all +hello +ping +select +client|setname +multi +exec +hget +hmget +smembers
user half on >half ~asof:* -@all +hello +ping +select +client|setname +multi +exec +eval +evalsha +hget +hmget +smembers +hset +hincrby
END
tls=
if [ -n "${ASOF_TEST_TLS_PORT:-}" ]; then
	if [ ! -f server.crt ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
			-keyout ca.key -out ca.crt 2> openssl.log
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
			-keyout server.key -out server.csr 2>> openssl.log
		echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > names
		openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names \
			-out server.crt 2>> openssl.log
	fi
	tls="--tls-port $ASOF_TEST_TLS_PORT --tls-cert-file server.crt --tls-key-file server.key --tls-ca-cert-file ca.crt
		--tls-auth-clients optional"
fi
exec redis-server --bind 127.0.0.1 --port "$2" --unixsocket redis.sock --dir "$1" --aclfile users.acl --save '' \
	--appendonly yes --appendfsync always --maxclients 500 $tls
