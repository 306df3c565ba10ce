/* lake_fixture.h - a lake in a directory of its own. */
#ifndef ASOF_TESTS_LAKE_FIXTURE_H
#define ASOF_TESTS_LAKE_FIXTURE_H

#include "lake/table.h"
#include "tempdir.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
#define NOW_US     INT64_C(1700000000000000)

struct fixture {
	char dir[TEMPDIR_MAX];
	struct asof_blob *lake;
	struct asof_arena arena;
};

static int
set_up(void **state)
{
	static struct fixture f;
	struct asof_error err = { 0 };
	tempdir_make(f.dir);
	assert_ok(asof_blob_open(f.dir, &f.lake, &err), err);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_blob_free(f->lake);
	asof_arena_done(&f->arena);
	tempdir_remove(f->dir);
	return 0;
}

#endif
