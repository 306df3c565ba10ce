/* compare.c - how two definitions of a view differ, and whether their data do. */
#include "base/number.h"
#include "define/canonical.h"
#include "define/define.h"
#include "model/duration.h"
#include "model/partition.h"
#include "model/tile.h"

/* Two definitions being compared. */
struct comparison {
	const struct asof_view *old;
	const struct asof_view *new;
	struct asof_buf *reasons;
	enum asof_change change;
};

static bool
is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
raise_to(struct comparison *c, enum asof_change change)
{
	if (c->change < change)
		c->change = change;
}

static bool
is_same_key(const struct asof_key *a, const struct asof_key *b)
{
	return strcmp(a->name, b->name) == 0 && asof_type_equal(a->type, b->type);
}

static bool
has_same_keys(const struct asof_entity *a, const struct asof_entity *b)
{
	if (a->key_count != b->key_count)
		return false;
	for (size_t i = 0; i < a->key_count; i++) {
		if (!is_same_key(&a->keys[i], &b->keys[i]))
			return false;
	}
	return true;
}

static void
write_keys(const struct asof_entity *entity, struct asof_buf *buf)
{
	char text[ASOF_TYPE_TEXT_MAX];
	for (size_t i = 0; i < entity->key_count; i++)
		asof_buf_printf(buf, "%s%s %s", i ? ", " : "", entity->keys[i].name,
				asof_type_text(entity->keys[i].type, text));
}

static void
compare_keys(struct comparison *c)
{
	if (has_same_keys(c->old->entity, c->new->entity))
		return;
	raise_to(c, ASOF_CHANGE_MAJOR);
	asof_buf_add_cstr(c->reasons, "the key changes: ");
	write_keys(c->old->entity, c->reasons);
	asof_buf_add_cstr(c->reasons, " -> ");
	write_keys(c->new->entity, c->reasons);
	asof_buf_add_char(c->reasons, '\n');
}

static bool
is_same_default(const struct asof_output *a, const struct asof_output *b)
{
	if (a->has_default != b->has_default)
		return false;
	return !a->has_default || asof_value_compare(a->default_value, b->default_value) == 0;
}

/* Same name and type: the same values? */
static void
compare_meaning(struct comparison *c, const struct asof_output *before,
		const struct asof_output *after)
{
	if (!is_same_text(before->feature->expr.text, after->feature->expr.text)) {
		raise_to(c, ASOF_CHANGE_MINOR);
		asof_buf_printf(c->reasons, "the expression of feature '%s' changes\n",
				after->name);
	}
	if (!is_same_text(before->feature->column.text, after->feature->column.text)) {
		raise_to(c, ASOF_CHANGE_MINOR);
		asof_buf_printf(c->reasons, "feature '%s' is of column '%s', not '%s'\n",
				after->name,
				after->feature->column.text ? after->feature->column.text : "",
				before->feature->column.text ? before->feature->column.text : "");
	}
	if (!is_same_default(before, after)) {
		raise_to(c, ASOF_CHANGE_MINOR);
		asof_buf_printf(c->reasons, "the default of feature '%s' changes\n", after->name);
	}
}

static bool
is_renamed_from(const struct asof_output *after, const struct asof_output *before)
{
	return is_same_text(after->feature->renamed_from.text, before->feature->name) &&
	       after->agg == before->agg && after->window_us == before->window_us &&
	       !(after->quantile < before->quantile) && !(before->quantile < after->quantile);
}

/* What `before` is in the new view: by its name, else by the one that its feature has now, unless
 * that was another's already; or NULL. */
static const struct asof_output *
find_after(const struct asof_view *old_view, const struct asof_view *new_view,
	   const struct asof_output *before)
{
	const struct asof_output *found = asof_view_output(new_view, asof_str_from(before->name));
	for (size_t i = 0; !found && i < new_view->output_count; i++) {
		const struct asof_output *after = &new_view->outputs[i];
		if (is_renamed_from(after, before) &&
		    !asof_view_output(old_view, asof_str_from(after->name)))
			found = after;
	}
	return found;
}

static void
compare_names(struct comparison *c, const struct asof_output *before,
	      const struct asof_output *after)
{
	if (strcmp(before->name, after->name) == 0)
		return;
	bool is_kept = asof_define_same_table(c->old, c->new);
	raise_to(c, ASOF_CHANGE_MAJOR);
	asof_buf_printf(c->reasons, "feature '%s' is renamed to '%s'%s\n", before->name,
			after->name, is_kept ? ", its data is kept" : "");
	if (is_kept && !asof_view_is_windowed(c->new))
		asof_buf_printf(c->reasons,
				"column '%s' is mapped to '%s' of the table's files: some programs "
				"that read Delta tables refuse that, or show NULL; "
				"`asof build %s --full` writes it under its own name\n",
				after->name, before->name, c->new->name);
}

static void
compare_output(struct comparison *c, const struct asof_output *before,
	       const struct asof_output *after)
{
	char old_text[ASOF_TYPE_TEXT_MAX];
	char new_text[ASOF_TYPE_TEXT_MAX];
	compare_names(c, before, after);
	if (asof_type_equal(before->type, after->type)) {
		compare_meaning(c, before, after);
		return;
	}
	raise_to(c, ASOF_CHANGE_MAJOR);
	asof_buf_printf(c->reasons, "feature '%s' changes type: %s -> %s\n", after->name,
			asof_type_text(before->type, old_text),
			asof_type_text(after->type, new_text));
}

static bool
has_feature(const struct asof_view *view, const char *name)
{
	for (size_t i = 0; i < view->feature_count; i++) {
		if (strcmp(view->features[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
compare_new_output(struct comparison *c, const struct asof_output *output)
{
	for (size_t i = 0; i < c->old->output_count; i++) {
		if (find_after(c->old, c->new, &c->old->outputs[i]) == output)
			return;
	}
	raise_to(c, ASOF_CHANGE_MINOR);
	asof_buf_printf(c->reasons, "feature '%s' is new", output->name);
	const char *from = output->feature->renamed_from.text;
	if (from && !has_feature(c->old, from) && !has_feature(c->old, output->feature->name))
		asof_buf_printf(c->reasons, ": no '%s' was published that it could be renamed from",
				from);
	asof_buf_add_char(c->reasons, '\n');
}

static void
compare_outputs(struct comparison *c)
{
	for (size_t i = 0; i < c->old->output_count; i++) {
		const struct asof_output *before = &c->old->outputs[i];
		const struct asof_output *after = find_after(c->old, c->new, before);
		if (after) {
			compare_output(c, before, after);
			continue;
		}
		raise_to(c, ASOF_CHANGE_MAJOR);
		asof_buf_printf(c->reasons, "feature '%s' disappears\n", before->name);
	}
	for (size_t i = 0; i < c->new->output_count; i++)
		compare_new_output(c, &c->new->outputs[i]);
}

static void
compare_duration(struct comparison *c, const char *what, int64_t old_us, int64_t new_us)
{
	char old_text[ASOF_DURATION_TEXT_MAX] = "none";
	char new_text[ASOF_DURATION_TEXT_MAX] = "none";
	if (old_us == new_us)
		return;
	raise_to(c, ASOF_CHANGE_MINOR);
	if (old_us > 0)
		(void)asof_duration_text(old_us, old_text);
	if (new_us > 0)
		(void)asof_duration_text(new_us, new_text);
	asof_buf_printf(c->reasons, "'%s' changes: %s -> %s\n", what,
			old_us == ASOF_STEP_EVENT ? "event" : old_text,
			new_us == ASOF_STEP_EVENT ? "event" : new_text);
}

static void
write_partition(const struct asof_view *view, struct asof_buf *buf)
{
	if (view->is_partition_auto)
		asof_buf_add_cstr(buf, "auto");
	else
		asof_partitions_text(view->partitions, view->partition_count, buf);
}

/* The same rows in other files: all of them are written again. */
static bool
has_same_partition(const struct asof_view *a, const struct asof_view *b)
{
	return a->is_partition_auto == b->is_partition_auto &&
	       asof_partitions_equal(a->partitions, a->partition_count, b->partitions,
				     b->partition_count);
}

static void
compare_partition(struct comparison *c)
{
	if (has_same_partition(c->old, c->new))
		return;
	raise_to(c, ASOF_CHANGE_MINOR);
	asof_buf_add_cstr(c->reasons, "'partition' changes, all files are written again: ");
	write_partition(c->old, c->reasons);
	asof_buf_add_cstr(c->reasons, " -> ");
	write_partition(c->new, c->reasons);
	asof_buf_add_char(c->reasons, '\n');
}

static void
compare_text(struct comparison *c, const char *what, const char *old_text, const char *new_text)
{
	if (is_same_text(old_text, new_text))
		return;
	raise_to(c, ASOF_CHANGE_MINOR);
	asof_buf_printf(c->reasons, "'%s' of the source changes: %s -> %s\n", what,
			old_text ? old_text : "none", new_text ? new_text : "none");
}

static void
compare_sources(struct comparison *c)
{
	static const char *const kinds[] = { "path", "table", "query", "topic", "view" };
	const struct asof_source *before = c->old->source;
	const struct asof_source *after = c->new->source;
	compare_text(c, kinds[after->kind], before->location.text, after->location.text);
	bool is_same_view = before->kind == ASOF_SOURCE_VIEW && after->kind == ASOF_SOURCE_VIEW &&
			    is_same_text(before->location.text, after->location.text);
	if (is_same_view && !is_same_text(before->upstream_hash, after->upstream_hash)) {
		raise_to(c, ASOF_CHANGE_MINOR);
		asof_buf_printf(c->reasons, "upstream '%s' changes\n", after->location.text);
	}
	compare_text(c, "event_time", before->event_time.text, after->event_time.text);
	compare_text(c, "created_time", before->created_time.text, after->created_time.text);
	compare_text(c, "filter", before->filter.text, after->filter.text);
	compare_text(c, "time_zone", before->time_zone, after->time_zone);
}

/* The texts that are hashed decide; the reasons found before say where they differ. */
static enum asof_status
compare_canonical(struct comparison *c, const struct asof_project *old_project,
		  const struct asof_project *new_project, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf before = ASOF_BUF(16u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf after = ASOF_BUF(16u << 20);
	ASOF_TRY(asof_define_canonical(old_project, c->old, true, &before, err));
	ASOF_TRY(asof_define_canonical(new_project, c->new, true, &after, err));
	if (c->change == ASOF_CHANGE_NONE &&
	    !asof_str_equal(asof_buf_view(&before), asof_buf_view(&after))) {
		c->change = ASOF_CHANGE_MINOR;
		asof_buf_add_cstr(c->reasons, "the definition changes\n");
	}
	return ASOF_OK;
}

static const struct asof_key *
find_request(const struct asof_on_demand *on_demand, const char *name)
{
	for (size_t i = 0; i < on_demand->request_count; i++) {
		if (strcmp(on_demand->request[i].name, name) == 0)
			return &on_demand->request[i];
	}
	return NULL;
}

/* Who reads must send every value: one more, or one of another type, breaks them. */
static void
compare_requests(struct comparison *c)
{
	const struct asof_on_demand *before = c->old->on_demand;
	const struct asof_on_demand *after = c->new->on_demand;
	for (size_t i = 0; i < after->request_count; i++) {
		const struct asof_key *value = &after->request[i];
		const struct asof_key *was = find_request(before, value->name);
		if (was && asof_type_equal(was->type, value->type))
			continue;
		raise_to(c, ASOF_CHANGE_MAJOR);
		asof_buf_printf(c->reasons, "request value '%s' %s\n", value->name,
				was ? "changes type" : "is new");
	}
	for (size_t i = 0; i < before->request_count; i++) {
		const char *name = before->request[i].name;
		if (find_request(after, name))
			continue;
		raise_to(c, ASOF_CHANGE_MINOR);
		asof_buf_printf(c->reasons, "request value '%s' is not needed any more\n", name);
	}
}

static void
compare_reads(struct comparison *c)
{
	const struct asof_on_demand *before = c->old->on_demand;
	const struct asof_on_demand *after = c->new->on_demand;
	for (size_t i = 0; i < after->read_count; i++) {
		const struct asof_hashed_view *read = &after->reads[i];
		for (size_t k = 0; k < before->read_count; k++) {
			if (strcmp(before->reads[k].name, read->name) != 0 ||
			    strcmp(before->reads[k].hash, read->hash) == 0)
				continue;
			raise_to(c, ASOF_CHANGE_MINOR);
			asof_buf_printf(c->reasons, "upstream '%s' changes\n", read->name);
		}
	}
}

/* What was stored, and now is computed where it is read, or the other way round. */
static void
compare_sorts(struct comparison *c)
{
	raise_to(c, ASOF_CHANGE_MAJOR);
	asof_buf_printf(c->reasons, "the view %s on-demand\n",
			c->new->on_demand ? "becomes" : "is no longer");
}

enum asof_status
asof_define_compare(const struct asof_view *old_view, const struct asof_project *old_project,
		    const struct asof_view *new_view, const struct asof_project *new_project,
		    enum asof_change *ret_change, struct asof_buf *reasons, struct asof_error *err)
{
	struct comparison c = { old_view, new_view, reasons, ASOF_CHANGE_NONE };
	compare_keys(&c);
	compare_outputs(&c);
	if (old_view->on_demand || new_view->on_demand) {
		if (old_view->on_demand && new_view->on_demand) {
			compare_requests(&c);
			compare_reads(&c);
		} else {
			compare_sorts(&c);
		}
		ASOF_TRY(compare_canonical(&c, old_project, new_project, err));
		ASOF_TRY(asof_buf_status(reasons, err));
		*ret_change = c.change;
		return ASOF_OK;
	}
	compare_duration(&c, "step", old_view->step_us, new_view->step_us);
	compare_duration(&c, "max_age", old_view->max_age_us, new_view->max_age_us);
	compare_duration(&c, "available_after", old_view->available_after_us,
			 new_view->available_after_us);
	compare_sources(&c);
	compare_partition(&c);
	ASOF_TRY(compare_canonical(&c, old_project, new_project, err));
	ASOF_TRY(asof_buf_status(reasons, err));
	*ret_change = c.change;
	return ASOF_OK;
}

static const struct asof_select *
find_select(const struct asof_source *source, const char *name)
{
	for (size_t i = 0; i < source->select_count; i++) {
		if (strcmp(source->selects[i].name, name) == 0)
			return &source->selects[i];
	}
	return NULL;
}

/* The selects that `view` uses have the same expressions in `other`. */
static bool
has_same_selects(const struct asof_view *view, const struct asof_source *other,
		 struct asof_arena *arena)
{
	const struct asof_source *source = view->source;
	bool *is_used = asof_arena_array(arena, source->select_count, sizeof(*is_used));
	if (!is_used)
		return false;
	asof_canonical_used_selects(view, is_used);
	for (size_t i = 0; i < source->select_count; i++) {
		const struct asof_select *mine = &source->selects[i];
		const struct asof_select *theirs = find_select(other, mine->name);
		if (is_used[i] &&
		    (!theirs || strcmp(mine->expression.text, theirs->expression.text) != 0))
			return false;
	}
	return true;
}

static bool
has_same_source(const struct asof_view *a, const struct asof_view *b, struct asof_arena *arena)
{
	const struct asof_source *left = a->source;
	const struct asof_source *right = b->source;
	return left->kind == right->kind && left->format == right->format &&
	       left->has_version == right->has_version && left->version == right->version &&
	       left->on_bad_row == right->on_bad_row &&
	       is_same_text(left->location.text, right->location.text) &&
	       is_same_text(left->upstream_hash, right->upstream_hash) &&
	       is_same_text(left->connection, right->connection) &&
	       is_same_text(left->event_time.text, right->event_time.text) &&
	       is_same_text(left->created_time.text, right->created_time.text) &&
	       is_same_text(left->filter.text, right->filter.text) &&
	       is_same_text(left->time_zone, right->time_zone) &&
	       has_same_selects(a, right, arena) && has_same_selects(b, left, arena);
}

static bool
has_same_key_columns(const struct asof_view *a, const struct asof_view *b)
{
	for (size_t i = 0; i < a->entity->key_count; i++) {
		if (strcmp(a->key_columns[i].text, b->key_columns[i].text) != 0)
			return false;
	}
	return true;
}

/* Plain views are stored as their outputs: the same names, or new ones, from the same columns. */
static bool
has_same_columns(const struct asof_view *old_view, const struct asof_view *new_view)
{
	if (old_view->output_count != new_view->output_count)
		return false;
	for (size_t i = 0; i < old_view->output_count; i++) {
		const struct asof_output *before = &old_view->outputs[i];
		const struct asof_output *after = find_after(old_view, new_view, before);
		if (!after || !asof_type_equal(before->type, after->type) ||
		    !is_same_text(before->feature->column.text, after->feature->column.text))
			return false;
	}
	return true;
}

static const struct asof_state *
find_state(const struct asof_tile_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->state_count; i++) {
		if (strcmp(layout->states[i].name, name) == 0)
			return &layout->states[i];
	}
	return NULL;
}

/* Every state that `b` needs is in `a`'s tiles. */
static bool
has_states_of(const struct asof_view *a, const struct asof_view *b, struct asof_arena *arena)
{
	struct asof_tile_layout have = { 0 };
	struct asof_tile_layout need = { 0 };
	if (asof_tile_layout_make(a, arena, &have, NULL) != ASOF_OK ||
	    asof_tile_layout_make(b, arena, &need, NULL) != ASOF_OK)
		return false;
	for (size_t i = 0; i < need.state_count; i++) {
		const struct asof_state *state = find_state(&have, need.states[i].name);
		if (!state || !asof_type_equal(state->type, need.states[i].type))
			return false;
	}
	return true;
}

/* Without memory the answer is no: then everything is computed again, which is never wrong. */
bool
asof_define_same_table(const struct asof_view *old_view, const struct asof_view *new_view)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	if (old_view->on_demand || new_view->on_demand)
		return old_view->on_demand && new_view->on_demand; /* no table at all */
	if (!has_same_keys(old_view->entity, new_view->entity) ||
	    !has_same_source(old_view, new_view, &arena) ||
	    !has_same_key_columns(old_view, new_view) || !has_same_partition(old_view, new_view) ||
	    old_view->step_us != new_view->step_us)
		return false;
	if (asof_view_is_windowed(old_view))
		return has_states_of(old_view, new_view, &arena);
	return has_same_columns(old_view, new_view);
}
