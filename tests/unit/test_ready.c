/* GET /ready names what is so now: what was seen of a Redis that is away is no reason any more. */
#include "bl/app/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct bl_ready well = {
    .store_up = true, .dataset_open = true, .seen = true, .worker_live = true};

static void expect(const struct bl_ready *r, const char *code)
{
    struct bl_buf out;
    char want[64];
    bl_buf_init(&out, 0);
    assert_int_equal(bl_ready_json(r, &out), code == NULL);
    bl_buf_char(&out, '\0');
    if (code)
        snprintf(want, sizeof want, "\"reasons\":[{\"code\":\"%s\"", code);
    else
        snprintf(want, sizeof want, "\"reasons\":[]");
    if (!strstr(out.p, want) || strstr(out.p, "},{"))
        fail_msg("not %s alone: %s", want, out.p);
    bl_buf_release(&out);
}

static void each_alone(void **state)
{
    struct bl_ready full = well, torn = well, idle = well;
    (void)state;
    expect(&well, NULL);
    full.memory_full = true;
    expect(&full, "maxmemory");
    torn.disk_failed = true;
    expect(&torn, "store_disk");
    idle.worker_live = false;
    expect(&idle, "no_worker");
}

static void nothing_of_a_store_that_is_away(void **state)
{
    struct bl_ready r = well;
    (void)state;
    r.memory_full = r.disk_failed = true;
    r.worker_live = false;
    r.backlog_partitions = 1;
    r.group_cut_off = true;
    r.clock_ahead_ms = 1000000;
    r.store_up = false;
    expect(&r, "redis_down");
    r.store_loading = true;
    expect(&r, "redis_loading");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alone),
        cmocka_unit_test(nothing_of_a_store_that_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
