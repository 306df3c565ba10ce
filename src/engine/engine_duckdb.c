/* engine_duckdb.c - opening and closing an engine, its settings and its extensions. */
#define _GNU_SOURCE /* sched_getaffinity, dladdr */
#include "engine/duckdb_impl.h"

#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB               ((uint64_t)1 << 20)
#define MEMORY_MIN        (100 * MIB) /* half of it are the program and the library */
#define EXTENSION_MAX     64
#define EXTENSION_VERSION "1.5.5"

/* What every engine is set to: nothing of the machine or the user changes results. */
static const char session_sql[] = "SET TimeZone = 'UTC';"
				  "SET allow_persistent_secrets = false;"
				  "SET allow_community_extensions = false;";
static const char forget_sql[] = "SET enable_external_file_cache = false";
static const char progress_sql[] = "SET enable_progress_bar = true;"
				   "SET enable_progress_bar_print = false;"
				   "SET progress_bar_time = 0;";

static unsigned
machine_threads(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 1)
		return 1;
	return (unsigned)CPU_COUNT(&cpus);
}

/* The control group's limit, or UINT64_MAX. */
static uint64_t
group_memory(void)
{
	char text[32];
	int fd = open("/sys/fs/cgroup/memory.max", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	uint64_t bytes;

	if (fd >= 0)
		(void)close(fd);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (len <= 0 || !asof_uint64_parse((struct asof_str){ text, (size_t)len }, &bytes))
		return UINT64_MAX;
	return bytes;
}

static uint64_t
machine_memory(void)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	uint64_t bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t group = group_memory();

	return (group < bytes ? group : bytes) / 5 * 4;
}

/*
 * DuckDB's memory_limit counts its buffers; the process is larger by the library and by up to half
 * of the buffers (measured: sorts and groups with 80 to 200 MiB, 1 to 8 threads).
 */
static uint64_t
buffer_memory(uint64_t memory_bytes)
{
	uint64_t overhead = 96 * MIB;
	uint64_t least = memory_bytes / 4;
	uint64_t usual = memory_bytes > overhead ? (memory_bytes - overhead) / 3 * 2 : 0;

	return usual > least ? usual : least;
}

/* ---- directories ---- */

static char *
join_path(const char *a, const char *b, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf path = ASOF_BUF(4096);
	struct asof_bytes bytes;

	asof_buf_printf(&path, "%s%s", a, b);
	if (asof_buf_steal(&path, &bytes, err) != ASOF_OK)
		return NULL;
	return bytes.ptr;
}

/* Beside the library, as it is installed: <dir>/lib/libduckdb.so has <dir>/ext. */
static bool
is_beside_library(char *path, size_t size)
{
	Dl_info info;
	void *symbol = dlsym(RTLD_DEFAULT, "duckdb_open_ext");
	if (!symbol || !dladdr(symbol, &info) || !info.dli_fname)
		return false;

	const char *slash = strrchr(info.dli_fname, '/');
	if (!slash)
		return false;

	int dir_len = (int)(slash - info.dli_fname);
	int len = snprintf(path, size, "%.*s/../ext", dir_len, info.dli_fname);
	return len > 0 && (size_t)len < size && access(path, R_OK) == 0;
}

static char *
extensions_in_cache(struct asof_error *err)
{
	static const char below[] = "/duckdb-" EXTENSION_VERSION "/ext";
	const char *cache = getenv("ASOF_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (cache && *cache)
		return join_path(cache, below, err);
	if (xdg && *xdg)
		return join_path(xdg, "/asof/duckdb-" EXTENSION_VERSION "/ext", err);
	return join_path(home ? home : "", "/.cache/asof/duckdb-" EXTENSION_VERSION "/ext", err);
}

static enum asof_status
find_extension_dir(struct asof_engine *engine, const char *wanted, struct asof_error *err)
{
	char beside[4096];

	if (!wanted && is_beside_library(beside, sizeof(beside)))
		wanted = beside;
	engine->extension_dir = wanted ? join_path(wanted, "", err) : extensions_in_cache(err);
	return engine->extension_dir ? ASOF_OK : ASOF_NO_MEMORY;
}

/* ---- open and close ---- */

static enum asof_status
set_option(duckdb_config config, const char *name, const char *value, struct asof_error *err)
{
	if (duckdb_set_config(config, name, value) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INVALID, "engine option '%s': '%s'", name, value);
	return ASOF_OK;
}

static enum asof_status
set_number(duckdb_config config, const char *name, uint64_t number, const char *unit,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64);

	asof_buf_printf(&text, "%llu%s", (unsigned long long)number, unit);
	ASOF_TRY(asof_buf_status(&text, err));
	return set_option(config, name, asof_buf_cstr(&text), err);
}

static enum asof_status
configure(duckdb_config config, const struct asof_engine *engine, struct asof_error *err)
{
	ASOF_TRY(set_number(config, "threads", engine->threads, "", err));
	ASOF_TRY(set_number(config, "memory_limit", engine->buffer_bytes / 1024, "KiB", err));
	ASOF_TRY(set_option(config, "temp_directory", engine->temp.path, err));
	ASOF_TRY(set_option(config, "extension_directory", engine->extension_dir, err));
	ASOF_TRY(set_option(config, "autoinstall_known_extensions", "false", err));
	return set_option(config, "autoload_known_extensions", "false", err);
}

static enum asof_status
open_database(struct asof_engine *engine, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_config) duckdb_config config = NULL;
	char *message = NULL;

	if (duckdb_create_config(&config) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "engine options");
	ASOF_TRY(configure(config, engine, err));
	if (duckdb_open_ext(NULL, &engine->database, config, &message) != DuckDBSuccess) {
		enum asof_status status = asof_duckdb_failed(message, err);

		duckdb_free(message);
		return ASOF_WRAP(err, status, "open the engine");
	}
	if (duckdb_connect(engine->database, &engine->connection) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "connect to the engine");
	return ASOF_OK;
}

static enum asof_status
prepare_session(struct asof_engine *engine, const struct asof_engine_options *options,
		struct asof_error *err)
{
	ASOF_TRY(asof_duckdb_run(engine, session_sql, NULL, err));
	if (options->forgets_files)
		ASOF_TRY(asof_duckdb_run(engine, forget_sql, NULL, err));
	if (options->progress)
		ASOF_TRY(asof_duckdb_run(engine, progress_sql, NULL, err));
	ASOF_TRY(asof_duckdb_register_sink(engine, err));
	ASOF_TRY(asof_duckdb_register_feed(engine, err));
	ASOF_TRY(asof_duckdb_register_casts(engine->connection, err));
	ASOF_TRY(asof_duckdb_register_sums(engine->connection, err));
	return asof_duckdb_register_moments(engine->connection, err);
}

enum asof_status
asof_engine_open(const struct asof_engine_options *options, struct asof_engine **ret_engine,
		 struct asof_error *err)
{
	uint64_t memory = options->memory_bytes ? options->memory_bytes : machine_memory();
	if (memory < MEMORY_MIN)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "a memory bound of %.4g MiB cannot be kept: 100 MiB is the least "
				 "that works, with a few columns",
				 (double)memory / (double)MIB);

	ASOF_AUTO(asof_engine_free_auto)
	struct asof_engine *engine = asof_mem_alloc(sizeof(*engine));
	if (!engine)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "engine");
	engine->threads = options->threads ? options->threads : machine_threads();
	engine->buffer_bytes = buffer_memory(memory);
	engine->watch.cancel = options->cancel;
	engine->watch.progress = options->progress;
	engine->watch.progress_arg = options->progress_arg;

	/* Its own: two processes that spill into one directory overwrite each other. */
	ASOF_TRY(asof_temp_dir_open(&engine->temp, options->temp_dir, "asof-spill-", err));
	ASOF_TRY(find_extension_dir(engine, options->extension_dir, err));
	ASOF_TRY(open_database(engine, err));
	ASOF_TRY(prepare_session(engine, options, err));
	ASOF_TRY(asof_duckdb_watch_init(&engine->watch, engine->connection, err));
	*ret_engine = ASOF_STEAL(engine);
	return ASOF_OK;
}

void
asof_engine_free(struct asof_engine *engine)
{
	if (!engine)
		return;
	asof_duckdb_watch_done(&engine->watch);
	if (engine->connection)
		duckdb_disconnect(&engine->connection);
	if (engine->database)
		duckdb_close(&engine->database);
	asof_map_done(&engine->functions);
	asof_map_done(&engine->mapped);
	asof_arena_done(&engine->arena);
	asof_temp_dir_done(&engine->temp);
	asof_mem_free(engine->extension_dir);
	asof_mem_free(engine);
}

unsigned
asof_engine_threads(const struct asof_engine *engine)
{
	return engine->threads;
}

enum asof_status
asof_engine_keep_expressions(struct asof_engine *engine, bool on, struct asof_error *err)
{
	return asof_duckdb_run(engine,
			       on ? "SET disabled_optimizers = 'expression_rewriter,"
				    "statistics_propagation,common_subexpressions'"
				  : "RESET disabled_optimizers",
			       NULL, err);
}

/* ---- extensions ---- */

static bool
is_extension_name(const char *name)
{
	size_t len = 0;

	for (; name[len]; len++) {
		if (!islower((unsigned char)name[len]) && !isdigit((unsigned char)name[len]) &&
		    name[len] != '_')
			return false;
	}
	return len > 0 && len < EXTENSION_MAX;
}

enum asof_status
asof_engine_load(struct asof_engine *engine, const char *name, struct asof_error *err)
{
	if (!is_extension_name(name))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is no name of an extension", name);

	struct asof_error cause = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(256);
	asof_buf_printf(&sql, "LOAD %s", name);
	ASOF_TRY(asof_buf_status(&sql, err));

	enum asof_status status = asof_engine_run(engine, asof_buf_cstr(&sql), NULL, &cause);
	if (status == ASOF_OK)
		return ASOF_OK;
	if (status == ASOF_CANCELLED || status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, status, "%s", cause.message);

	ASOF_AUTO(asof_buf_done) struct asof_buf path = ASOF_BUF(8192);
	asof_buf_printf(&path, "%s/v" EXTENSION_VERSION "/linux_amd64/%s.duckdb_extension",
			engine->extension_dir, name);
	if (access(asof_buf_cstr(&path), R_OK) == 0)
		return ASOF_FAIL(err, status, "load extension '%s': %s", name, cause.message);
	return ASOF_FAIL(err, ASOF_NOT_FOUND,
			 "extension '%s' is not in '%s': fetch it with scripts/fetch-duckdb.sh %s",
			 name, engine->extension_dir, name);
}
