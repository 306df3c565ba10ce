/* fuzz_yaml.c - definitions: no text crashes or hangs; what binds comes back from its own JSON. */
#include <assert.h>

#include "define/define.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
ASOF_API const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses a buffer for a text of five and more '' one behind the other. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

static const char *
no_environment(void *arg, const char *name)
{
	(void)arg;
	return name[0] == 'X' ? "x" : NULL;
}

static struct asof_project *
parse(struct asof_str text, size_t *ret_mistake_count)
{
	struct asof_define_options options = { .dir = "/p", .env = no_environment };
	struct asof_mistakes mistakes = { 0 };
	struct asof_project *project = NULL;
	struct asof_error err = { 0 };
	struct asof_buf buf = ASOF_BUF(4u << 20);
	enum asof_status status =
		asof_define_parse(text, "f.yaml", &options, &mistakes, &project, &err);
	assert(status == ASOF_OK);
	asof_mistakes_write(&mistakes, &buf);
	*ret_mistake_count = mistakes.count;
	asof_buf_done(&buf);
	asof_mistakes_done(&mistakes);
	return project;
}

/* Written, read and written again: the same bytes. */
static void
check_canonical(const struct asof_project *project, const struct asof_view *view)
{
	struct asof_buf first = ASOF_BUF(16u << 20);
	struct asof_buf second = ASOF_BUF(16u << 20);
	size_t mistake_count = 0;
	if (asof_define_canonical(project, view, false, &first, NULL) == ASOF_OK &&
	    first.len <= ASOF_FILE_BYTES_MAX) {
		struct asof_project *again = parse(asof_buf_view(&first), &mistake_count);
		assert(again && mistake_count == 0 && again->view_count == 1);
		enum asof_status status =
			asof_define_canonical(again, &again->views[0], false, &second, NULL);
		assert(status == ASOF_OK &&
		       asof_str_equal(asof_buf_view(&first), asof_buf_view(&second)));
		assert(asof_define_same_table(view, &again->views[0]));
		asof_project_free(again);
	}
	asof_buf_done(&first);
	asof_buf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t mistake_count = 0;
	struct asof_project *project =
		parse((struct asof_str){ (const char *)data, size }, &mistake_count);
	assert(project || mistake_count > 0);
	for (size_t i = 0; project && mistake_count == 0 && i < project->view_count; i++)
		check_canonical(project, &project->views[i]);
	asof_project_free(project);
	return 0;
}
