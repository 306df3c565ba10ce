/* read_graph.c - views that read views: no circles, and an end. */
#include "define/read.h"

static const struct asof_view *
upstream_of(const struct asof_view *view)
{
	return view->source ? view->source->upstream : NULL;
}

/* "a -> b -> a", as much of it as fits a message. */
static enum asof_status
tell_circle(struct asof_reading *r, const struct asof_view *view, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	asof_buf_printf(&text, "'%s'", view->name);
	const struct asof_view *next = upstream_of(view);
	for (; next != view; next = upstream_of(next))
		asof_buf_printf(&text, " -> '%s'", next->name);
	asof_buf_printf(&text, " -> '%s'", view->name);
	ASOF_TRY(asof_buf_status(&text, err));
	asof_mistakes_add(r->mistakes, view->source->location.place,
			  "views read each other in a circle: %s", asof_buf_cstr(&text));
	return ASOF_OK;
}

/* Sources are shared: the circle is told where its first view stands, and taken apart. */
static enum asof_status
break_circle(struct asof_reading *r, const struct asof_view *view, struct asof_error *err)
{
	ASOF_TRY(tell_circle(r, view, err));
	struct asof_project *project = r->project;
	struct asof_source *source = &project->sources[view->source - project->sources];
	while (source->upstream) {
		const struct asof_view *next = source->upstream;
		source->upstream = NULL;
		source = &project->sources[next->source - project->sources];
	}
	return ASOF_OK;
}

/*
 * A view reads one other at most: whoever is met again on one way goes in a circle, which is told
 * where its first view stands. way[i] says on which way views[i] was met.
 */
static enum asof_status
follow(struct asof_reading *r, size_t start, size_t *way, struct asof_error *err)
{
	struct asof_project *project = r->project;
	struct asof_view *view = &project->views[start];
	while (way[view - project->views] == 0) {
		way[view - project->views] = start + 1;
		const struct asof_view *next = upstream_of(view);
		if (!next)
			return ASOF_OK;
		view = &project->views[next - project->views];
	}
	if (way[view - project->views] != start + 1)
		return ASOF_OK;
	const struct asof_view *first = view;
	for (const struct asof_view *v = upstream_of(view); v != view; v = upstream_of(v))
		first = v < first ? v : first;
	return break_circle(r, first, err);
}

/* How many views stand below; no more than one too many is counted. */
static size_t
depth_of(const struct asof_view *view)
{
	size_t depth = 0;
	while (depth <= ASOF_VIEW_DEPTH_MAX && (view = upstream_of(view)))
		depth++;
	return depth;
}

static void
check_depth(struct asof_reading *r, const struct asof_view *view)
{
	struct asof_project *project = r->project;
	if (depth_of(view) != ASOF_VIEW_DEPTH_MAX)
		return;
	struct asof_source *source = &project->sources[view->source - project->sources];
	asof_mistakes_add(r->mistakes, source->location.place,
			  "view '%s' stands on %d views, one upon the other: no more than %d may",
			  view->name, ASOF_VIEW_DEPTH_MAX, ASOF_VIEW_DEPTH_MAX - 1);
	source->upstream = NULL;
}

enum asof_status
asof_check_view_graph(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	size_t *way = asof_arena_array(r->arena, project->view_count, sizeof(*way));
	if (!way)
		return asof_no_memory(err);
	for (size_t i = 0; i < project->view_count; i++)
		ASOF_TRY(follow(r, i, way, err));
	for (size_t i = 0; i < project->view_count; i++)
		check_depth(r, &project->views[i]);
	return ASOF_OK;
}
