/*
 * window_sweep_plain.c - means and variances of finite sums, several side by side.
 *
 * The steps of dd.h without their guards, so that they become vectors. What is left of a product is
 * found by splitting its factors (Dekker, 1971) instead of by fma(), which not every machine has:
 * it is the same number, as long as nothing overflows. No version below may have fma at all, or the
 * compiler would contract the splitting.
 */
#include "kernel/window_sweep_sums.h"

#define LANES 4
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(LANES * sizeof(int64_t))));

#define INLINED static inline __attribute__((always_inline))
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

struct pairs {
	lanes hi;
	lanes lo;
};

INLINED void
load(const double *from, lanes *ret)
{
	memcpy(ret, from, sizeof(*ret));
}

INLINED void
load_counts(const int64_t *from, lanes *ret)
{
	*ret = (lanes){ (double)from[0], (double)from[1], (double)from[2], (double)from[3] };
}

INLINED void
two_sum(const lanes *a, const lanes *b, struct pairs *ret)
{
	lanes sum = *a + *b;
	lanes b_part = sum - *a;
	lanes a_part = sum - b_part;
	ret->lo = (*a - a_part) + (*b - b_part);
	ret->hi = sum;
}

INLINED void
fast_two_sum(const lanes *a, const lanes *b, struct pairs *ret)
{
	lanes sum = *a + *b;
	ret->lo = *b - (sum - *a);
	ret->hi = sum;
}

INLINED void
two_prod(const lanes *a, const lanes *b, struct pairs *ret)
{
	lanes product = *a * *b;
	lanes wide_a = *a * 0x1.0000002p27;
	lanes wide_b = *b * 0x1.0000002p27;
	lanes a_high = wide_a - (wide_a - *a);
	lanes b_high = wide_b - (wide_b - *b);
	lanes a_low = *a - a_high;
	lanes b_low = *b - b_high;
	ret->lo = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
	ret->hi = product;
}

/* x += y */
INLINED void
add(struct pairs *x, const struct pairs *y)
{
	struct pairs high;
	struct pairs low;
	struct pairs v;
	two_sum(&x->hi, &y->hi, &high);
	two_sum(&x->lo, &y->lo, &low);
	lanes middle = high.lo + low.hi;
	fast_two_sum(&high.hi, &middle, &v);
	lanes rest = low.lo + v.lo;
	fast_two_sum(&v.hi, &rest, x);
}

INLINED void
subtract(struct pairs *x, const struct pairs *y)
{
	struct pairs negative = { -y->hi, -y->lo };
	add(x, &negative);
}

/* asof_dd_div(x, y).hi */
INLINED void
divide(const struct pairs *x, const struct pairs *y, lanes *ret)
{
	lanes quotient = x->hi / y->hi;
	struct pairs product;
	struct pairs back;
	struct pairs rest = *x;
	two_prod(&y->hi, &quotient, &product);
	lanes low = product.lo + y->lo * quotient;
	fast_two_sum(&product.hi, &low, &back);
	subtract(&rest, &back);
	*ret = quotient + rest.hi / y->hi;
}

INLINED void
variance_of(const struct pairs *sum, const struct pairs *squares, const lanes *count, lanes *ret)
{
	struct pairs whole;
	struct pairs part;
	struct pairs ways;
	lanes twice = 2 * sum->hi;
	lanes less = *count - 1;
	two_prod(count, &squares->hi, &whole);
	struct pairs rest = whole;
	two_prod(&sum->hi, &sum->hi, &part);
	subtract(&rest, &part);
	two_prod(count, &squares->lo, &part);
	add(&rest, &part);
	two_prod(&twice, &sum->lo, &part);
	subtract(&rest, &part);
	two_prod(&sum->lo, &sum->lo, &part);
	subtract(&rest, &part);
	two_prod(count, &less, &ways);
	lanes variance;
	divide(&rest, &ways, &variance);
	masks is_noise = rest.hi <= whole.hi * *count * 0x1p-104;
	*ret = (lanes)((masks)variance & ~is_noise);
}

INLINED void
load_pairs(const double *highs, const double *lows, struct pairs *ret)
{
	load(highs, &ret->hi);
	load(lows, &ret->lo);
}

/* Static, since the compiler exports what it makes of a cloned function that is not. */
static CLONES void
means_of(const struct asof_sweep_moments *m, size_t count, double *means)
{
	for (size_t i = 0; i < count; i += LANES) {
		struct pairs sum;
		struct pairs counts = { { 0 }, { 0 } };
		lanes mean;
		load_pairs(m->sums + i, m->sum_lows + i, &sum);
		load_counts(m->counts + i, &counts.hi);
		divide(&sum, &counts, &mean);
		memcpy(means + i, &mean, sizeof(mean));
	}
}

static CLONES void
variances_of(const struct asof_sweep_moments *m, size_t count, double *variances)
{
	for (size_t i = 0; i < count; i += LANES) {
		struct pairs sum;
		struct pairs squares;
		lanes counts;
		lanes variance;
		load_pairs(m->sums + i, m->sum_lows + i, &sum);
		load_pairs(m->squares + i, m->square_lows + i, &squares);
		load_counts(m->counts + i, &counts);
		variance_of(&sum, &squares, &counts, &variance);
		memcpy(variances + i, &variance, sizeof(variance));
	}
}

void
asof_sweep_means(const struct asof_sweep_moments *m, size_t count, double *means)
{
	means_of(m, count, means);
}

void
asof_sweep_variances(const struct asof_sweep_moments *m, size_t count, double *variances)
{
	variances_of(m, count, variances);
}
