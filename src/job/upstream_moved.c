/* upstream_moved.c - rows of a view that is read, found again in the files where a compaction put
 * them. */
#include "base/map.h"
#include "job/cursor.h"
#include "job/upstream.h"
#include "lake/delta_state.h"

#define NAME_BYTES_MAX (64u << 10)

/* A walk through the commits since the rows were read. */
struct moves {
	const char *view;
	struct asof_map known;   /* files all of whose rows were read */
	struct asof_map leaving; /* of them, those that the entry removes */
	struct asof_map coming;  /* files with moved rows that the entry adds */
	bool has_others;         /* the entry moves rows that were not read, too */
	bool is_lost;            /* rows that were read are gone, or in one file with others */
};

static void
moves_done(struct moves *moves)
{
	asof_map_done(&moves->known);
	asof_map_done(&moves->leaving);
	asof_map_done(&moves->coming);
}

/* A file of the table under the name that a cursor has for it. */
static enum asof_status
full_name(const struct moves *moves, struct asof_str name, struct asof_buf *full,
	  struct asof_error *err)
{
	asof_buf_printf(full, "%s/", moves->view);
	asof_buf_add(full, name.ptr, name.len);
	return asof_buf_status(full, err);
}

static enum asof_status
note_removed(struct moves *moves, const struct asof_delta_remove *remove, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(NAME_BYTES_MAX);
	ASOF_TRY(full_name(moves, remove->name, &name, err));
	if (!asof_map_find(&moves->known, asof_buf_view(&name), NULL)) {
		moves->has_others = true;
		return ASOF_OK;
	}
	moves->is_lost = moves->is_lost || !remove->is_rearranged;
	return asof_map_put(&moves->leaving, asof_buf_view(&name), NULL, err);
}

static enum asof_status
note_action(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct moves *moves = arg;
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(NAME_BYTES_MAX);
	if (action->kind == ASOF_DELTA_REMOVE)
		return note_removed(moves, &action->remove, err);
	if (action->kind != ASOF_DELTA_ADD || !action->add.is_rearranged)
		return ASOF_OK;
	ASOF_TRY(full_name(moves, action->add.name, &name, err));
	return asof_map_put(&moves->coming, asof_buf_view(&name), NULL, err);
}

/* Which of an entry's old files became which of its new ones is not said: all are of one kind, or
 * nothing is known. */
static enum asof_status
follow_entry(struct moves *moves, struct asof_error *err)
{
	size_t position = 0;
	struct asof_str name;
	moves->is_lost = moves->is_lost || (moves->leaving.count > 0 && moves->has_others);
	while (!moves->is_lost && asof_map_next(&moves->leaving, &position, &name, NULL))
		(void)asof_map_remove(&moves->known, name);
	position = 0;
	while (moves->leaving.count > 0 && asof_map_next(&moves->coming, &position, &name, NULL))
		ASOF_TRY(asof_map_put(&moves->known, name, NULL, err));
	asof_map_done(&moves->leaving);
	asof_map_done(&moves->coming);
	moves->leaving = moves->coming = (struct asof_map){ 0 };
	moves->has_others = false;
	return ASOF_OK;
}

static enum asof_status
follow(struct asof_session *session, struct moves *moves, int64_t from, int64_t to,
       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	struct asof_blob *lake = NULL;
	struct asof_delta_log log;
	ASOF_TRY(asof_session_lake(session, &lake, err));
	ASOF_TRY(asof_delta_log_list(lake, moves->view, &arena, &log, err));
	moves->is_lost = from + 1 < log.first;
	for (int64_t version = from + 1; version <= to && !moves->is_lost; version++) {
		ASOF_TRY(asof_delta_entry_read(lake, moves->view, version, &buf, note_action, moves,
					       err));
		ASOF_TRY(follow_entry(moves, err));
	}
	return ASOF_OK;
}

/* Was it this view, at a version before the one in use? */
static bool
is_behind(const struct asof_cursor *cursor, const char *view, int64_t table_version)
{
	size_t len = strlen(view);
	return cursor->upstream && strncmp(cursor->upstream, view, len) == 0 &&
	       cursor->upstream[len] == '@' && cursor->upstream_at >= 0 &&
	       cursor->upstream_at < table_version;
}

enum asof_status
asof_upstream_moved(struct asof_session *session, const struct asof_source *source,
		    const struct asof_cursor *cursor, bool *is_new,
		    enum asof_cursor_difference *difference, struct asof_error *err)
{
	ASOF_AUTO(moves_done) struct moves moves = { .view = source->location.text };
	const struct asof_bound_source *bound = &session->bound[source - session->project->sources];
	size_t found = 0;
	if (!is_behind(cursor, moves.view, bound->upstream_at))
		return ASOF_OK;
	for (size_t i = 0; i < cursor->file_count; i++)
		ASOF_TRY(asof_map_put(&moves.known, asof_str_from(cursor->files[i].name), NULL,
				      err));
	ASOF_TRY(follow(session, &moves, cursor->upstream_at, bound->upstream_at, err));
	for (size_t i = 0; i < bound->file_count; i++)
		found += asof_map_find(&moves.known, asof_str_from(bound->files[i].name), NULL);
	if (moves.is_lost || found < moves.known.count)
		return ASOF_OK;
	for (size_t i = 0; i < bound->file_count; i++)
		is_new[i] = !asof_map_find(&moves.known, asof_str_from(bound->files[i].name), NULL);
	*difference = found < bound->file_count ? ASOF_CURSOR_GROWN : ASOF_CURSOR_SAME;
	return ASOF_OK;
}
