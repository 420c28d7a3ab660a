/* Event ids remembered: the queue and its hash set against a list that is looked through. */
#include "partition/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define STEPS 60000

/* What was put, in order; the first of them that are still remembered is `from`. */
struct model {
    struct seen_id v[STEPS];
    size_t from, n;
};

static bool model_has(const struct model *m, uint64_t hash, int64_t received_ms, int64_t keep_ms)
{
    for (size_t i = m->n; i > m->from; i--)
        if (m->v[i - 1].hash == hash)
            return received_ms - m->v[i - 1].received_ms < keep_ms;
    return false;
}

static void model_put(struct model *m, uint64_t hash, int64_t received_ms, size_t max, int64_t keep_ms)
{
    while (m->n - m->from >= max || (m->n > m->from && received_ms - m->v[m->from].received_ms >= keep_ms))
        m->from++;
    m->v[m->n++] = (struct seen_id){hash, received_ms};
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Few values in either half of the hashes, so that slots collide, halves are equal and ids come again. */
static void compare(size_t max, int64_t keep_ms, uint64_t low, uint64_t high, uint64_t seed)
{
    struct seen_ids s;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    seen_init(&s, max, keep_ms);
    int64_t now_ms = 1000;
    for (size_t i = 0; i < STEPS; i++) {
        uint64_t hash = (next(&seed) % high) << 32 | next(&seed) % low << 3;
        now_ms += next(&seed) % 4 == 0;
        bool has = seen_has(&s, hash, now_ms);
        assert_int_equal(has, model_has(m, hash, now_ms, keep_ms));
        if (has && next(&seed) % 8 != 0)
            continue;
        assert_int_equal(seen_put(&s, hash, now_ms), BL_OK);
        model_put(m, hash, now_ms, max, keep_ms);
        assert_int_equal(s.n, m->n - m->from);
    }
    seen_release(&s);
    free(m);
}

static void what_is_remembered_is_what_a_list_would_remember(void **state)
{
    (void)state;
    compare(100, 50, 64, 1, 1);      /* forgotten by time */
    compare(100, 1000000, 80, 4, 2); /* by number */
    compare(700, 200, 4, 300, 3);    /* long rows of slots, told from each other by the ring */
    compare(1, 1000000, 3, 2, 4);
    compare(5000, 900, 3000, 3000, 5);
}

static void nothing_is_remembered_where_nothing_may_be(void **state)
{
    (void)state;
    struct seen_ids s;
    seen_init(&s, 0, 1000);
    assert_int_equal(seen_put(&s, 7, 1), BL_OK);
    assert_false(seen_has(&s, 7, 1));
    seen_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_remembered_is_what_a_list_would_remember),
        cmocka_unit_test(nothing_is_remembered_where_nothing_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
