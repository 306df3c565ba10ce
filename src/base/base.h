/* base.h - the few macros and views every other module may use. Depends on libc only. */
#ifndef ASOF_BASE_H
#define ASOF_BASE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "asof.h"

#define ASOF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ASOF_COUNTOF(a)        (sizeof(a) / sizeof((a)[0]))

/*
 * How every failure starts and travels. Both yield `status`, so they are `return`ed;
 * both accept a NULL err. They are macros so that compilers and analyzers see that
 * the result is the constant the caller wrote, hence not ASOF_OK.
 *
 *   return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s'", name);
 *   return ASOF_WRAP(err, status, "open store '%s'", uri);   // "open store 'x': <old message>"
 */
#define ASOF_FAIL(err, status, ...) (asof_error_set((err), (status), __VA_ARGS__), (status))
#define ASOF_WRAP(err, status, ...) (asof_error_prepend((err), (status), __VA_ARGS__), (status))

void asof_error_set(struct asof_error *err, enum asof_status status, const char *fmt, ...)
	ASOF_PRINTF(3, 4);
void asof_error_prepend(struct asof_error *err, enum asof_status status, const char *fmt, ...)
	ASOF_PRINTF(3, 4);

/* Run `fn` on the variable's address when it goes out of scope. */
#define ASOF_AUTO(fn) __attribute__((cleanup(fn)))

/* Define <free_fn>_auto(), the ASOF_AUTO() form of a NULL-safe <free_fn>(). */
#define ASOF_DEFINE_AUTOFREE(type, free_fn)         \
	static inline void free_fn##_auto(type **p) \
	{                                           \
		free_fn(*p);                        \
	}

/* Hand an owned pointer to somebody else: yields it, leaves NULL behind. */
#define ASOF_STEAL(ptr)                         \
	__extension__({                         \
		__typeof__(ptr) steal_ = (ptr); \
		(ptr) = NULL;                   \
		steal_;                         \
	})

/* Propagate a failure. Safe anywhere, since every owned local is ASOF_AUTO. */
#define ASOF_TRY(expr)                                 \
	do {                                           \
		enum asof_status try_status_ = (expr); \
		if (try_status_ != ASOF_OK)            \
			return try_status_;            \
	} while (0)

/* Hold a mutex until the end of the scope: ASOF_HOLD(held, &self->lock); */
#define ASOF_HOLD(name, mutex) \
	__attribute__((unused)) ASOF_AUTO(asof_unlock_auto) pthread_mutex_t *name = asof_lock(mutex)

static inline pthread_mutex_t *
asof_lock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	return mutex;
}

static inline void
asof_unlock_auto(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* A borrowed byte string. Not NUL-terminated. Valid as long as what it points into. */
struct asof_str {
	const char *ptr; /* may be NULL if len is 0 */
	size_t len;
};

static inline struct asof_str
asof_str_from(const char *cstr)
{
	return (struct asof_str){ cstr, strlen(cstr) };
}

static inline bool
asof_str_equal(struct asof_str a, struct asof_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order by bytes, a prefix before what it begins: < 0, 0 or > 0. */
int asof_str_compare(struct asof_str a, struct asof_str b);

/* An owned byte string: whoever holds it frees it. Borrow it with asof_bytes_view(). */
struct asof_bytes {
	char *ptr;
	size_t len;
};

static inline struct asof_str
asof_bytes_view(struct asof_bytes bytes)
{
	return (struct asof_str){ bytes.ptr, bytes.len };
}

/* printf helpers: printf("%.*s", ASOF_STR_ARG(s)) */
#define ASOF_STR_ARG(s) (int)(s).len, (s).ptr

/* The only allocator calls in the tree. Zeroed; NULL on exhaustion or injected failure. */
void *asof_mem_alloc(size_t size);
/* Grow or shrink, as realloc(3): new bytes are NOT zeroed; on NULL the old block stays valid. */
void *asof_mem_resize(void *ptr, size_t size);
void asof_mem_free(void *ptr);
/* Give what was freed back to the system, after much of it: the allocator keeps it otherwise. */
void asof_mem_trim(void);
/* A hint, before the first touch: memory that is read at random, and nearly all of it used. */
void asof_mem_prefer_large_pages(void *ptr, size_t size);

/*
 * Make room for `need` elements of `elem_size` bytes in the owned array *array (NULL when
 * empty) with room for *capacity, growing by doubling. Contents are kept, new room is zeroed.
 */
ASOF_NODISCARD enum asof_status asof_mem_reserve(void **array, size_t *capacity, size_t need,
						 size_t elem_size, struct asof_error *err);

ASOF_NODISCARD enum asof_status asof_bytes_copy(struct asof_str src, struct asof_bytes *ret_copy,
						struct asof_error *err);
void asof_bytes_free(struct asof_bytes *bytes);

/* Test hook: fail the n-th allocation from now (1-based); 0 turns it off. */
void asof_mem_fail_at(size_t n);
size_t asof_mem_live(void);

#endif
