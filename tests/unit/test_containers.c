/* The map and the heap, each against a plain list; the pool, whose blocks must not touch each other. */
#include "bl/base/heap.h"
#include "bl/base/map.h"
#include "bl/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

struct item {
    char key[16];
    struct bl_heap_node node;
    bool in;
};

#define ITEMS 500

static struct bl_str key_of(const void *entry)
{
    return bl_str_of(((const struct item *)entry)->key);
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static void the_map_agrees_with_a_list(void **state)
{
    static struct item items[ITEMS];
    struct bl_map m;
    uint32_t x = 1;
    size_t n = 0;
    (void)state;
    bl_map_init(&m, key_of);
    for (size_t i = 0; i < ITEMS; i++)
        snprintf(items[i].key, sizeof items[i].key, "key-%zu", i);
    for (int round = 0; round < 20000; round++) {
        struct item *it = &items[next_random(&x) % ITEMS];
        struct bl_str key = bl_str_of(it->key);
        assert_ptr_equal(bl_map_get(&m, key), it->in ? it : NULL);
        if (next_random(&x) % 2) {
            assert_int_equal(bl_map_put(&m, it), BL_OK);
            n += !it->in;
            it->in = true;
        } else {
            assert_ptr_equal(bl_map_del(&m, key), it->in ? it : NULL);
            n -= it->in;
            it->in = false;
        }
        assert_int_equal(m.n, n);
    }
    size_t at = 0, seen = 0;
    for (struct item *it; (it = bl_map_next(&m, &at));) {
        assert_true(it->in);
        seen++;
    }
    assert_int_equal(seen, n);
    bl_map_clear(&m);
    assert_null(bl_map_get(&m, bl_str_of(items[0].key)));
    at = 0;
    assert_null(bl_map_next(&m, &at));
    bl_map_release(&m);
}

static bool comes_before(const struct bl_heap_node *a, const struct bl_heap_node *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : bl_str_cmp(a->tie, b->tie) < 0;
}

static const struct item *first_of(const struct item items[ITEMS])
{
    const struct item *first = NULL;
    for (size_t i = 0; i < ITEMS; i++)
        if (items[i].in && (!first || comes_before(&items[i].node, &first->node)))
            first = &items[i];
    return first;
}

/* Times close together and far apart, before and after those that came out already. */
static void the_heap_agrees_with_a_list(unsigned spread, int64_t now_ms)
{
    static struct item items[ITEMS];
    struct bl_heap h;
    uint32_t x = 7 + spread;
    size_t n = 0;
    bl_heap_init(&h);
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < ITEMS; i++) {
        snprintf(items[i].key, sizeof items[i].key, "key-%zu", i);
        items[i].node.tie = bl_str_of(items[i].key);
    }
    for (int round = 0; round < 10000; round++) {
        struct item *it = &items[next_random(&x) % ITEMS];
        if (next_random(&x) % 3) {
            int64_t due_ms = now_ms + (int64_t)(next_random(&x) % 50) * (1 << next_random(&x) % spread);
            assert_int_equal(bl_heap_set(&h, &it->node, due_ms), BL_OK);
            n += !it->in;
            it->in = true;
        } else {
            bl_heap_remove(&h, &it->node);
            assert_int_equal(it->node.at, 0);
            n -= it->in;
            it->in = false;
        }
        assert_int_equal(h.n, n);
        if (round % 5 == 0) {
            const struct item *first = first_of(items);
            const struct bl_heap_node *top = bl_heap_top(&h);
            assert_ptr_equal(top, first ? &first->node : NULL);
            now_ms = top && round % 10 == 0 ? top->due_ms : now_ms;
        }
    }
    for (struct bl_heap_node *top, *last = NULL; (top = bl_heap_top(&h)); bl_heap_remove(&h, top), last = top)
        assert_true(!last || comes_before(last, top));
    assert_int_equal(h.n, 0);
    bl_heap_release(&h);
}

static void the_heap_gives_the_earliest_then_the_first_by_name(void **state)
{
    struct bl_heap h;
    (void)state;
    bl_heap_init(&h);
    assert_null(bl_heap_top(&h));
    bl_heap_release(&h);
    the_heap_agrees_with_a_list(1, 0);
    the_heap_agrees_with_a_list(12, -100000);
    the_heap_agrees_with_a_list(20, 1700000000000);
}

static size_t some_size(uint32_t *x)
{
    size_t n = next_random(x) % ((size_t)1 << (4 + next_random(x) % 10));
    return next_random(x) % 1000 ? n + 1 : n + ((size_t)1 << 20);
}

static void assert_filled(const unsigned char *block, size_t n, unsigned char byte)
{
    assert_int_equal((uintptr_t)block % 64, 0);
    for (size_t i = 0; i < n; i += i + 64 < n ? 63 : 1)
        assert_int_equal(block[i], byte);
}

static void blocks_of_a_pool_do_not_touch_each_other(void **state)
{
    static struct {
        unsigned char *block;
        size_t n;
    } taken[ITEMS];
    struct bl_pool pool;
    uint32_t x = 7;
    (void)state;
    bl_pool_init(&pool);
    for (int round = 0; round < 20000; round++) {
        size_t i = next_random(&x) % ITEMS;
        if (taken[i].block)
            assert_filled(taken[i].block, taken[i].n, (unsigned char)i);
        bl_pool_give(&pool, taken[i].block, taken[i].n);
        taken[i].n = some_size(&x);
        taken[i].block = bl_pool_take(&pool, taken[i].n);
        assert_non_null(taken[i].block);
        memset(taken[i].block, (int)i, taken[i].n);
    }
    void *last = bl_pool_take(&pool, 2000);
    bl_pool_give(&pool, last, 2000);
    assert_ptr_equal(bl_pool_take(&pool, 1990), last);
    for (size_t n = BL_POOL_BLOCK_MAX; n > 0; n /= 2)
        assert_non_null(bl_pool_take(&pool, n));
    assert_null(bl_pool_take(&pool, BL_POOL_BLOCK_MAX + 1));
    bl_pool_release(&pool);
    assert_non_null(bl_pool_take(&pool, 1));
    bl_pool_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_agrees_with_a_list),
        cmocka_unit_test(the_heap_gives_the_earliest_then_the_first_by_name),
        cmocka_unit_test(blocks_of_a_pool_do_not_touch_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
