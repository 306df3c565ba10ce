/* suggest.c - the nearest known name, by edit distance with transpositions. */
#include "base/suggest.h"

#define LENGTH_MAX 128 /* longer texts are no misspelt names */

/* Costs are in halves: another case costs one, any other edit two. */
#define EDIT 2

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned
substitution(char a, char b)
{
	if (a == b)
		return 0;
	return lower(a) == lower(b) ? 1 : EDIT;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Restricted Damerau-Levenshtein distance: three rows of the usual table. */
static unsigned
distance(struct asof_str a, struct asof_str b)
{
	unsigned rows[3][LENGTH_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned)j * EDIT;

	for (size_t i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *up = rows[(i - 1) % 3];
		const unsigned *two_up = rows[(i + 1) % 3];
		row[0] = (unsigned)i * EDIT;
		for (size_t j = 1; j <= b.len; j++) {
			char x = a.ptr[i - 1];
			char y = b.ptr[j - 1];
			row[j] = least(up[j - 1] + substitution(x, y),
				       least(up[j], row[j - 1]) + EDIT);
			if (i > 1 && j > 1 && x == b.ptr[j - 2] && a.ptr[i - 2] == y)
				row[j] = least(row[j], two_up[j - 2] + EDIT);
		}
	}
	return rows[a.len % 3][b.len];
}

const char *
asof_suggest(struct asof_str name, const char *const *names, size_t name_count)
{
	if (name.len > LENGTH_MAX)
		return NULL;

	unsigned near = (unsigned)(name.len / 3) * EDIT;
	unsigned best_distance = (near > EDIT ? near : EDIT) + 1;
	const char *best = NULL;
	for (size_t i = 0; i < name_count; i++) {
		struct asof_str known = asof_str_from(names[i]);
		if (known.len > LENGTH_MAX)
			continue;
		unsigned d = distance(name, known);
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}
