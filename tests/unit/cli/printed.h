/* printed.h - what a function prints to a stream, as a text. */
#ifndef ASOF_TEST_PRINTED_H
#define ASOF_TEST_PRINTED_H

#include <stdio.h>
#include <stdlib.h>

struct printed {
	FILE *stream;
	char *text;
	size_t len;
};

static inline void
printed_begin(struct printed *printed)
{
	printed->text = NULL;
	printed->len = 0;
	printed->stream = open_memstream(&printed->text, &printed->len);
	assert_non_null(printed->stream);
}

/* Ends with what was printed; freed by the caller. */
static inline char *
printed_end(struct printed *printed)
{
	assert_int_equal(fclose(printed->stream), 0);
	return printed->text;
}

#define assert_printed(printed, expected)               \
	do {                                            \
		char *text_ = printed_end(&(printed));  \
		assert_string_equal(text_, (expected)); \
		free(text_);                            \
	} while (0)

#endif
