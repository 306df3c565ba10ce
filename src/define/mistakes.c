/* mistakes.c - what is wrong with the user's definitions, kept, sorted and written. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "define/define.h"

#define MESSAGE_BYTES_MAX 1000

void
asof_mistakes_done(struct asof_mistakes *mistakes)
{
	asof_arena_done(&mistakes->arena);
	asof_mem_free(mistakes->items);
	*mistakes = (struct asof_mistakes){ 0 };
}

/* Its own copy: mistakes outlive the project. One per run of mistakes in one file. */
static const char *
keep_file(struct asof_mistakes *mistakes, const char *file)
{
	if (!file)
		return "";
	const struct asof_mistake *last =
		mistakes->count ? &mistakes->items[mistakes->count - 1] : NULL;
	if (last && strcmp(last->place.file, file) == 0)
		return last->place.file;
	return asof_arena_copy(&mistakes->arena, asof_str_from(file));
}

/* Cut behind a whole character where it is too long. */
static void
cut_message(char *message, size_t len)
{
	if (len <= MESSAGE_BYTES_MAX)
		return;
	size_t cut = MESSAGE_BYTES_MAX;
	while (cut > 0 && (message[cut] & 0xC0) == 0x80)
		cut--;
	memcpy(message + cut, "...", sizeof("..."));
}

void
asof_mistakes_add(struct asof_mistakes *mistakes, struct asof_place place, const char *fmt, ...)
{
	if (mistakes->count >= ASOF_MISTAKES_MAX) {
		mistakes->dropped++;
		return;
	}
	char message[MESSAGE_BYTES_MAX + 8];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	cut_message(message, len < 0 ? 0 : (size_t)len);

	place.file = keep_file(mistakes, place.file);
	const char *kept = asof_arena_copy(&mistakes->arena, asof_str_from(message));
	if (!kept || !place.file ||
	    asof_mem_reserve((void **)&mistakes->items, &mistakes->capacity, mistakes->count + 1,
			     sizeof(*mistakes->items), NULL) != ASOF_OK) {
		mistakes->is_out_of_memory = true;
		return;
	}
	mistakes->items[mistakes->count] =
		(struct asof_mistake){ place, kept, mistakes->count + mistakes->dropped };
	mistakes->count++;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int
by_place(const void *a, const void *b)
{
	const struct asof_mistake *left = a;
	const struct asof_mistake *right = b;
	int order = strcmp(left->place.file, right->place.file);
	if (order == 0)
		order = ORDER(left->place.line, right->place.line);
	if (order == 0)
		order = ORDER(left->place.column, right->place.column);
	return order ? order : ORDER(left->sequence, right->sequence);
}

static void
sort(struct asof_mistakes *mistakes)
{
	if (mistakes->count > 1)
		qsort(mistakes->items, mistakes->count, sizeof(*mistakes->items), by_place);
}

/* "file:line:column: message", as much of it as is known. */
static void
write_mistake(const struct asof_mistake *mistake, struct asof_buf *buf)
{
	const struct asof_place *place = &mistake->place;
	if (place->file[0])
		asof_buf_add_cstr(buf, place->file);
	if (place->file[0] && place->line)
		asof_buf_printf(buf, ":%u:%u", place->line, place->column);
	if (place->file[0])
		asof_buf_add_cstr(buf, ": ");
	asof_buf_add_cstr(buf, mistake->message);
}

void
asof_mistakes_write(struct asof_mistakes *mistakes, struct asof_buf *buf)
{
	sort(mistakes);
	for (size_t i = 0; i < mistakes->count; i++) {
		write_mistake(&mistakes->items[i], buf);
		asof_buf_add_char(buf, '\n');
	}
	if (mistakes->dropped > 0)
		asof_buf_printf(buf, "and %zu more\n", mistakes->dropped);
}

enum asof_status
asof_mistakes_status(struct asof_mistakes *mistakes, struct asof_error *err)
{
	if (mistakes->is_out_of_memory)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "list of mistakes");
	if (mistakes->count == 0)
		return ASOF_OK;

	sort(mistakes);
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4 * MESSAGE_BYTES_MAX);
	write_mistake(&mistakes->items[0], &buf);
	ASOF_TRY(asof_buf_status(&buf, err));
	size_t more = mistakes->count - 1 + mistakes->dropped;
	if (more == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "%s", asof_buf_cstr(&buf));
	return ASOF_FAIL(err, ASOF_INVALID, "%s (and %zu more)", asof_buf_cstr(&buf), more);
}
