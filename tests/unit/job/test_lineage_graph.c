/* test_lineage_graph.c - what is made from what, and in which role. */
#include "job/lineage_graph.h"
#include "job_samples.h"

static size_t
add(struct asof_lineage *graph, enum asof_lineage_kind kind, const char *parent, const char *name,
    const char *label)
{
	struct asof_error err = { 0 };
	size_t index = 0;
	const struct asof_lineage_node node = {
		.kind = kind, .parent = parent, .name = name, .label = label
	};
	assert_ok(asof_lineage_add(graph, &node, &index, &err), err);
	return index;
}

static size_t
column(struct asof_lineage *graph, const char *name)
{
	return add(graph, ASOF_LINEAGE_COLUMN, "s", name, "");
}

static size_t
feature(struct asof_lineage *graph, const char *view, const char *name)
{
	return add(graph, ASOF_LINEAGE_FEATURE, view, name, "");
}

static void
join(struct asof_lineage *graph, size_t from, size_t to, enum asof_lineage_role role)
{
	struct asof_error err = { 0 };
	assert_ok(asof_lineage_connect(graph, from, to, role, &err), err);
}

static unsigned
roles_from(const struct asof_lineage *graph, size_t start, enum asof_lineage_direction direction,
	   size_t wanted)
{
	bool is_start[16] = { false };
	unsigned roles[16];
	assert_true(graph->node_count <= 16);
	is_start[start] = true;
	asof_lineage_reach(graph, is_start, direction, roles);
	return roles[wanted];
}

#define VALUE  (1u << ASOF_LINEAGE_VALUE)
#define TIME   (1u << ASOF_LINEAGE_TIME)
#define FILTER (1u << ASOF_LINEAGE_FILTER)
#define KEY    (1u << ASOF_LINEAGE_KEY)

static void
a_node_is_one_whatever_the_case_of_a_column(void **state)
{
	struct asof_lineage graph = { 0 };
	(void)state;
	size_t first = column(&graph, "Delay");
	assert_int_equal(column(&graph, "delay"), first);
	assert_int_not_equal(feature(&graph, "v", "x"), feature(&graph, "v", "X"));
	assert_int_not_equal(feature(&graph, "v", "x"),
			     add(&graph, ASOF_LINEAGE_FEATURE, "v", "x", "old"));
	assert_int_not_equal(add(&graph, ASOF_LINEAGE_SERVICE, "", "x", ""),
			     add(&graph, ASOF_LINEAGE_TRAINING_SET, "", "x", ""));
	assert_string_equal(graph.nodes[0].name, "Delay");
	assert_int_equal(graph.node_count, 6);
	asof_lineage_done(&graph);
}

static void
an_edge_is_there_once_for_each_role(void **state)
{
	struct asof_lineage graph = { 0 };
	(void)state;
	size_t c = column(&graph, "c");
	size_t f = feature(&graph, "v", "f");
	for (int i = 0; i < 3; i++) {
		join(&graph, c, f, ASOF_LINEAGE_VALUE);
		join(&graph, c, f, ASOF_LINEAGE_KEY);
	}
	assert_int_equal(graph.edge_count, 2);
	assert_int_equal(roles_from(&graph, f, ASOF_LINEAGE_UPSTREAM, c), VALUE | KEY);
	assert_int_equal(roles_from(&graph, c, ASOF_LINEAGE_DOWNSTREAM, f), VALUE | KEY);
	asof_lineage_done(&graph);
}

/* c -filter-> v.f -value-> w.g; t -time-> v.f; w.g's time is v.f, too. */
static void
along_a_path_the_role_nearest_to_its_beginning_counts(void **state)
{
	struct asof_lineage graph = { 0 };
	(void)state;
	size_t c = column(&graph, "c");
	size_t f = feature(&graph, "v", "f");
	size_t g = feature(&graph, "w", "g");
	size_t h = feature(&graph, "w", "h");
	join(&graph, c, f, ASOF_LINEAGE_FILTER);
	join(&graph, f, g, ASOF_LINEAGE_VALUE);
	join(&graph, f, h, ASOF_LINEAGE_TIME);
	assert_int_equal(roles_from(&graph, g, ASOF_LINEAGE_UPSTREAM, c), FILTER);
	assert_int_equal(roles_from(&graph, h, ASOF_LINEAGE_UPSTREAM, c), TIME);
	assert_int_equal(roles_from(&graph, c, ASOF_LINEAGE_DOWNSTREAM, g), FILTER);
	assert_int_equal(roles_from(&graph, c, ASOF_LINEAGE_DOWNSTREAM, h), FILTER);
	assert_int_equal(roles_from(&graph, g, ASOF_LINEAGE_UPSTREAM, h), 0);
	asof_lineage_done(&graph);
}

static void
edges_may_come_in_any_order_and_run_in_a_circle(void **state)
{
	struct asof_lineage graph = { 0 };
	(void)state;
	size_t nodes[5];
	for (size_t i = 0; i < 5; i++)
		nodes[i] = feature(&graph, "v", (const char[]){ (char)('a' + i), '\0' });
	for (size_t i = 4; i-- > 0;)
		join(&graph, nodes[i], nodes[i + 1], ASOF_LINEAGE_VALUE);
	join(&graph, nodes[4], nodes[0], ASOF_LINEAGE_KEY);
	assert_int_equal(roles_from(&graph, nodes[0], ASOF_LINEAGE_DOWNSTREAM, nodes[4]),
			 VALUE | KEY);
	assert_int_equal(roles_from(&graph, nodes[2], ASOF_LINEAGE_UPSTREAM, nodes[3]), KEY);
	asof_lineage_done(&graph);
}

static enum asof_status
make_graph(void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_lineage_done) struct asof_lineage graph = { 0 };
	const struct asof_lineage_node nodes[] = {
		{ ASOF_LINEAGE_COLUMN, "s", "c", "", "a + b" },
		{ ASOF_LINEAGE_FEATURE, "v", "f", "", NULL },
	};
	size_t places[2];
	(void)arg;
	for (size_t i = 0; i < 2; i++)
		ASOF_TRY(asof_lineage_add(&graph, &nodes[i], &places[i], err));
	return asof_lineage_connect(&graph, places[0], places[1], ASOF_LINEAGE_VALUE, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	assert_survives(make_graph, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_one_whatever_the_case_of_a_column),
		cmocka_unit_test(an_edge_is_there_once_for_each_role),
		cmocka_unit_test(along_a_path_the_role_nearest_to_its_beginning_counts),
		cmocka_unit_test(edges_may_come_in_any_order_and_run_in_a_circle),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
