/* catalog_copy.c - rows of the catalog with strings of their own. */
#include "catalog/catalog_impls.h"

static enum asof_status
copy_text(const char **text, struct asof_arena *arena, struct asof_error *err)
{
	char *copy = asof_arena_copy(arena, asof_str_from(*text ? *text : ""));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "text");
	*text = copy;
	return ASOF_OK;
}

enum asof_status
asof_catalog_copy_definition(const struct asof_definition *from, struct asof_arena *arena,
			     struct asof_definition *ret, struct asof_error *err)
{
	struct asof_definition copy = *from;
	ASOF_TRY(copy_text(&copy.kind, arena, err));
	ASOF_TRY(copy_text(&copy.name, arena, err));
	ASOF_TRY(copy_text(&copy.hash, arena, err));
	ASOF_TRY(copy_text(&copy.json, arena, err));
	*ret = copy;
	return ASOF_OK;
}

enum asof_status
asof_catalog_copy_version(const struct asof_version *from, struct asof_arena *arena,
			  struct asof_version *ret, struct asof_error *err)
{
	struct asof_version copy = *from;
	ASOF_TRY(copy_text(&copy.view, arena, err));
	ASOF_TRY(copy_text(&copy.definition_hash, arena, err));
	ASOF_TRY(copy_text(&copy.definition_json, arena, err));
	ASOF_TRY(copy_text(&copy.run_id, arena, err));
	ASOF_TRY(copy_text(&copy.tag, arena, err));
	ASOF_TRY(copy_text(&copy.made_by, arena, err));
	ASOF_TRY(copy_text(&copy.reason, arena, err));
	*ret = copy;
	return ASOF_OK;
}

enum asof_status
asof_catalog_copy_run(const struct asof_run *from, struct asof_arena *arena, struct asof_run *ret,
		      struct asof_error *err)
{
	struct asof_run copy = *from;
	ASOF_TRY(copy_text(&copy.id, arena, err));
	ASOF_TRY(copy_text(&copy.job, arena, err));
	ASOF_TRY(copy_text(&copy.name, arena, err));
	ASOF_TRY(copy_text(&copy.message, arena, err));
	ASOF_TRY(copy_text(&copy.version, arena, err));
	ASOF_TRY(copy_text(&copy.made_by, arena, err));
	ASOF_TRY(copy_text(&copy.reason, arena, err));
	*ret = copy;
	return ASOF_OK;
}

enum asof_status
asof_catalog_copy_materialization(const struct asof_materialization *from, struct asof_arena *arena,
				  struct asof_materialization *ret, struct asof_error *err)
{
	struct asof_materialization copy = *from;
	ASOF_TRY(copy_text(&copy.view, arena, err));
	ASOF_TRY(copy_text(&copy.version, arena, err));
	*ret = copy;
	return ASOF_OK;
}

enum asof_status
asof_catalog_copy_training_set(const struct asof_training_set *from, struct asof_arena *arena,
			       struct asof_training_set *ret, struct asof_error *err)
{
	struct asof_training_set copy = *from;
	ASOF_TRY(copy_text(&copy.path, arena, err));
	ASOF_TRY(copy_text(&copy.spine, arena, err));
	ASOF_TRY(copy_text(&copy.service, arena, err));
	ASOF_TRY(copy_text(&copy.views, arena, err));
	ASOF_TRY(copy_text(&copy.features, arena, err));
	ASOF_TRY(copy_text(&copy.made_by, arena, err));
	*ret = copy;
	return ASOF_OK;
}
