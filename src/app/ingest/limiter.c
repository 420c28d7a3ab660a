/* A bucket is kept as what has been spent from it and not come back yet, in thousandths of a token: `per_second` tokens a
 * second are as many thousandths a millisecond, so refilling is exact, with no remainder to lose. A bucket from which
 * nothing is spent is full, and that is the same as none at all: most names need their place for a few ms.
 *
 * The table is cut into sets of WAYS places; a name belongs to one set. Where a set is full, the bucket goes that has the
 * least spent, i.e. that would have been full again first. So
 *   - the work is the same however many names there are;
 *   - a bucket with much spent goes only if all others of its set have as much spent: new names with a few events each
 *     push out each other, never the one that is being held back. Making others as empty costs, in a set that its name's
 *     hash hides, at least WAYS - 1 times what is gained;
 *   - an innocent name is never worse off: whoever is forgotten starts with a full bucket. */
#include "bl/app/limiter.h"

#include "bl/base/limits.h"

#include <assert.h>
#include <stdlib.h>

#define WAYS     8
#define THOUSAND 1000

struct bl_limiter_place {
    uint64_t hash;
    int64_t spent; /* at at_ms; 0: full, and the place is free */
    int64_t at_ms;
};

enum bl_err bl_limiter_init(struct bl_limiter *l, struct bl_rate rate, size_t places, struct bl_hash_key key)
{
    *l = (struct bl_limiter){.rate = rate, .key = key, .shares = 1, .sets = 1};
    if (rate.per_second == 0)
        return BL_OK;
    assert(rate.per_second > 0 && rate.per_second <= BL_RATE_MAX && rate.burst > 0 &&
           rate.burst <= BL_RATE_MAX);
    while (l->sets * WAYS < places)
        l->sets *= 2;
    l->places = calloc(l->sets * WAYS, sizeof *l->places);
    return l->places ? BL_OK : BL_ERR_NO_MEMORY;
}

void bl_limiter_release(struct bl_limiter *l)
{
    free(l->places);
    l->places = NULL;
}

void bl_limiter_share(struct bl_limiter *l, size_t n)
{
    assert(n >= 1 && n <= BL_PROCESSES_MAX);
    l->shares = (int64_t)n;
}

/* With n shares a token costs n times as much: the same as a bucket of 1/n that gains 1/n, without rounding. */
static int64_t cost(const struct bl_limiter *l)
{
    return THOUSAND * l->shares;
}

/* A bucket holds one token at least, however many share it. */
static int64_t capacity(const struct bl_limiter *l)
{
    int64_t all = l->rate.burst * THOUSAND;
    return all > cost(l) ? all : cost(l);
}

static int64_t spent_at(const struct bl_limiter *l, const struct bl_limiter_place *b, int64_t now_ms)
{
    int64_t elapsed = now_ms - b->at_ms;
    if (elapsed <= 0)
        return b->spent;
    if (elapsed > b->spent / l->rate.per_second) /* before it could overflow */
        return 0;
    return b->spent - elapsed * l->rate.per_second;
}

static void settle(const struct bl_limiter *l, struct bl_limiter_place *b, int64_t now_ms)
{
    b->spent = spent_at(l, b, now_ms);
    b->at_ms = now_ms;
}

/* The name's bucket; NULL: it has none, it is full. */
static struct bl_limiter_place *find(const struct bl_limiter *l, uint64_t hash)
{
    struct bl_limiter_place *set = &l->places[(hash & (l->sets - 1)) * WAYS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].spent > 0 && set[i].hash == hash)
            return &set[i];
    return NULL;
}

static struct bl_limiter_place *make(struct bl_limiter *l, uint64_t hash, int64_t now_ms)
{
    struct bl_limiter_place *set = &l->places[(hash & (l->sets - 1)) * WAYS], *least = set;
    int64_t least_spent = INT64_MAX;
    for (size_t i = 0; i < WAYS && least_spent > 0; i++) {
        int64_t spent = spent_at(l, &set[i], now_ms);
        if (spent < least_spent) {
            least_spent = spent;
            least = &set[i];
        }
    }
    l->forgotten += least_spent > 0;
    *least = (struct bl_limiter_place){hash, 0, now_ms};
    return least;
}

/* The name's bucket as it is now. */
static struct bl_limiter_place *bucket(struct bl_limiter *l, struct bl_str name, int64_t now_ms)
{
    uint64_t hash = bl_hash64(l->key, name);
    struct bl_limiter_place *b = find(l, hash);
    if (!b)
        return make(l, hash, now_ms);
    settle(l, b, now_ms);
    return b;
}

/* How long until a token is there, of what is spent now. */
static int64_t wait_for(const struct bl_limiter *l, int64_t spent)
{
    int64_t missing = spent + cost(l) - capacity(l);
    return missing <= 0 ? 0 : (missing + l->rate.per_second - 1) / l->rate.per_second;
}

int64_t bl_limiter_take(struct bl_limiter *l, struct bl_str name, int64_t now_ms)
{
    if (!l->places)
        return 0;
    struct bl_limiter_place *b = bucket(l, name, now_ms);
    int64_t wait = wait_for(l, b->spent);
    if (wait == 0)
        b->spent += cost(l);
    return wait;
}

int64_t bl_limiter_ask(struct bl_limiter *l, struct bl_str name, int64_t now_ms)
{
    if (!l->places)
        return 0;
    struct bl_limiter_place *b = find(l, bl_hash64(l->key, name));
    if (!b)
        return 0;
    settle(l, b, now_ms);
    return wait_for(l, b->spent);
}

void bl_limiter_spend(struct bl_limiter *l, struct bl_str name, size_t n, int64_t now_ms)
{
    if (!l->places || n == 0)
        return;
    struct bl_limiter_place *b = bucket(l, name, now_ms);
    int64_t most =
        capacity(l) + BL_RATE_MAX * THOUSAND; /* a debt that grows on is no longer one that is waited for */
    int64_t charge = n < (size_t)(most / cost(l)) ? (int64_t)n * cost(l) : most;
    b->spent = b->spent < most - charge ? b->spent + charge : most;
}
