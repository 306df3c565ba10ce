#!/usr/bin/env python3
"""Is each foreign header included in its one place only?"""
import tree

PLACES = {  # header, or folder of headers -> the file or folder that may include it
    "duckdb.h": "src/engine/",
    "lmdb.h": "src/store/store_lmdb",
    "sqlite3.h": "src/catalog/catalog_sqlite.c",
    "libpq-fe.h": "src/postgres/",
    "libfyaml.h": "src/define/",
    "h2o.h": "src/http/",
    "nghttp2/": ("src/http/http2.c", "tests/unit/http/frames.h"),
    "h2o/": "src/http/",
    "openssl/evp.h": "src/model/digest.c",
    "openssl/": ("src/http/", "src/store/store_redis_socket.c", "tests/unit/http/tls_peer.h"),
    "hiredis/": "src/store/store_redis_link.c",
    "curl/curl.h": "src/lake/",
    "expat.h": "src/lake/s3_xml.c",
    "popt.h": "src/cli/",
    "xxhash.h": "src/model/hash.c",
    "cmocka.h": "tests/",
}
SYSTEM = set("""
assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h
stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h tgmath.h threads.h
time.h uchar.h wchar.h wctype.h
dirent.h dlfcn.h fcntl.h fnmatch.h ftw.h glob.h iconv.h langinfo.h libgen.h netdb.h poll.h pthread.h pwd.h regex.h
sched.h semaphore.h spawn.h strings.h syslog.h termios.h unistd.h utime.h endian.h getopt.h malloc.h
immintrin.h x86intrin.h
""".split())
SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "net/", "linux/")


def place(name):
    for header, where in PLACES.items():
        if name == header or (header.endswith("/") and name.startswith(header)):
            return where
    return None


found = tree.Findings(
    "foreign headers", "keep foreign types behind the folder's own header; a new dependency needs a page in docs/design "
    "and a line in scripts/check/check_foreign_headers.py")
for path in tree.files(".c", ".h", under=("src/", "include/", "tests/")):
    for line, quote, name in tree.includes(path):
        if quote != "<" or name in SYSTEM or name.startswith(SYSTEM_FOLDERS):
            continue
        where = place(name)
        if where is None:
            found.add(path, line, f"<{name}> is a foreign header with no place of its own")
        elif not path.startswith(where):
            found.add(path, line, f"<{name}> belongs in {where if isinstance(where, str) else ' and '.join(where)} only")
found.finish()
