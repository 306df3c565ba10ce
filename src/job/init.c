/* init.c - a project that works, with a small source of its own. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "lake/blob.h"

static const char asof_yaml[] =
	"# A feature project. `asof --help` lists the commands; start with `asof plan`.\n"
	"project: orders\n"
	"lake: ./lake                     # where built tables live\n"
	"online: lmdb:./online            # where values are served from\n"
	"catalog: sqlite:./catalog.db     # definitions, versions, runs\n";

static const char features_yaml[] =
	"entities:\n"
	"  customer: {keys: {customer_id: int64}, description: Somebody who orders}\n"
	"\n"
	"sources:\n"
	"  orders:\n"
	"    path: data/orders.csv\n"
	"    event_time: ordered_at\n"
	"    select: {is_large: \"amount >= 50\"}\n"
	"\n"
	"views:\n"
	"  spending:\n"
	"    entity: customer\n"
	"    source: orders\n"
	"    step: 1h\n"
	"    features:\n"
	"      orders: {agg: count, windows: [1d, 7d]}\n"
	"      amount: {column: amount, agg: [sum, mean, max], windows: [1d, 7d]}\n"
	"      large:  {column: is_large, agg: mean, windows: [7d]}\n"
	"    checks: {orders_count_7d: not_null}\n"
	"\n"
	"services:\n"
	"  churn_model: {features: [spending.orders_count_7d, spending.amount_mean_7d]}\n";

/* Thirty days of orders of twenty customers, the same every time. */
static void
write_orders(struct asof_buf *csv)
{
	uint64_t state = 42;
	asof_buf_add_cstr(csv, "order_id,customer_id,ordered_at,amount\n");
	for (unsigned i = 0; i < 600; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned random = (unsigned)(state >> 33);
		unsigned minute = i * 72 + random % 72;
		unsigned cents = 500 + (random >> 8) % 9500;
		asof_buf_printf(csv, "%u,%u,2024-01-%02u %02u:%02u:00,%u.%02u\n", i + 1,
				1 + (random >> 4) % 20, 1 + minute / 1440, minute / 60 % 24,
				minute % 60, cents / 100, cents % 100);
	}
}

static void
write_spine(struct asof_buf *csv)
{
	asof_buf_add_cstr(csv, "customer_id,event_time,churned\n");
	for (unsigned i = 0; i < 40; i++)
		asof_buf_printf(csv, "%u,2024-01-%02uT12:00:00Z,%u\n", 1 + i % 20, 15 + i % 15,
				i % 5 == 0);
}

static enum asof_status
make_dir(const char *dir, struct asof_error *err)
{
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return ASOF_FAIL(err, ASOF_IO, "make directory '%s': %s", dir, strerror(errno));
	return ASOF_OK;
}

struct file {
	const char *name;
	struct asof_str text;
};

/* Nothing is written where one of the files exists. */
static enum asof_status
check_absent(const char *dir, const struct file *files, size_t count, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf path = ASOF_BUF(4096);
		struct stat info;
		asof_buf_printf(&path, "%s/%s", dir, files[i].name);
		ASOF_TRY(asof_buf_status(&path, err));
		if (stat(asof_buf_cstr(&path), &info) == 0)
			return ASOF_FAIL(err, ASOF_CONFLICT,
					 "'%s' is there already: nothing was written",
					 asof_buf_cstr(&path));
	}
	return ASOF_OK;
}

static enum asof_status
write_files(const char *dir, const struct file *files, size_t count, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	ASOF_TRY(make_dir(dir, err));
	ASOF_TRY(check_absent(dir, files, count, err));
	ASOF_TRY(asof_blob_open(dir, &blob, err));
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(asof_blob_put_if_absent(blob, files[i].name, files[i].text, err));
	return ASOF_OK;
}

enum asof_status
asof_init(const char *dir, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf orders = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf spine = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(1u << 20);
	write_orders(&orders);
	write_spine(&spine);
	ASOF_TRY(asof_buf_status(&orders, err));
	ASOF_TRY(asof_buf_status(&spine, err));
	const struct file files[] = {
		{ "data/orders.csv", asof_buf_view(&orders) },
		{ "data/spine.csv", asof_buf_view(&spine) },
		{ "features/orders.yaml", { features_yaml, sizeof(features_yaml) - 1 } },
		{ "asof.yaml", { asof_yaml, sizeof(asof_yaml) - 1 } },
	};
	enum asof_status status = write_files(dir, files, ASOF_COUNTOF(files), err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "init '%s'", dir);

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "dir", dir);
	asof_json_key_cstr(&w, "files");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < ASOF_COUNTOF(files); i++)
		asof_json_cstr(&w, files[i].name);
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	struct asof_bytes bytes = { 0 };
	ASOF_TRY(asof_buf_steal(&json, &bytes, err));
	*ret_json = bytes.ptr;
	return ASOF_OK;
}
