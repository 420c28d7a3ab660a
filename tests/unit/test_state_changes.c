/* What is written of a user's state when the store holds some of it: only what changed, and together always all of it. */
#include "state_shopper.h"

/* What a store would hold. */
static struct {
    const char *name;
    char value[4096];
} held[BL_STATE_FIELDS_MAX];
static struct bl_state_stored kept;

static void forget_held(void)
{
    memset(held, 0, sizeof held);
    kept = (struct bl_state_stored){.any = false};
}

static void hold(const char *name, struct bl_str value)
{
    size_t i = 0;
    while (held[i].name && strcmp(held[i].name, name) != 0)
        i++;
    held[i].name = name;
    assert_true(value.n < sizeof held[i].value);
    snprintf(held[i].value, sizeof held[i].value, "%.*s", BL_STR_ARG(value));
}

/* Writes what changed; the names of the fields that were written, and '-' before those that were taken away. */
static const char *stored_fields(void)
{
    static char said[256];
    struct bl_state_changes c;
    assert_int_equal(bl_state_changes(u, &kept, &text, &c), BL_OK);
    snprintf(said, sizeof said, "%s", c.replace ? "all:" : "");
    if (c.replace)
        memset(held, 0, sizeof held);
    for (size_t i = 0; i < c.n_set; i++) {
        hold(c.set[i].name, c.set[i].value);
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", *said ? " " : "", c.set[i].name);
    }
    for (size_t i = 0; i < c.n_del; i++) {
        hold(c.del[i], (struct bl_str){"", 0});
        snprintf(said + strlen(said), sizeof said - strlen(said), " -%s", c.del[i]);
    }
    return said;
}

/* What is held is the state. */
static void assert_held(void)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    encode_into(u, &again, f);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++) {
        const char *have = "";
        for (size_t k = 0; k < BL_STATE_FIELDS_MAX && held[k].name; k++)
            if (strcmp(held[k].name, f[i].name) == 0)
                have = held[k].value;
        if (!bl_str_eqz(f[i].value, have))
            fail_msg("%s is %.*s, held is %s", f[i].name, BL_STR_ARG(f[i].value), have);
    }
}

static void only_what_changed_is_written(void **state)
{
    (void)state;
    forget_held();
    shopper();
    assert_string_equal(stored_fields(), "head names visits open w0 w1");
    assert_string_equal(stored_fields(), "head");
    add_moment(BL_ACTION_CLICK, "/cart", T0 + 50000);
    assert_string_equal(stored_fields(), "head w1");
    add_moment(BL_ACTION_CLICK, "/new", T0 + 51000);
    assert_string_equal(stored_fields(), "head names w1");
    add_visit("/new", T0 + 51000, true, false);
    assert_string_equal(stored_fields(), "head visits");
    u->visits[u->n_visits - 1].twinned = true;
    assert_string_equal(stored_fields(), "head visits");
    u->n_open = 0;
    assert_string_equal(stored_fields(), "head -open");
    assert_held();
    u->n_visits = 0;
    assert_string_equal(stored_fields(), "head -visits");
    for (int i = 0; i < 10; i++)
        add_moment(BL_ACTION_CLICK, "/new", T0 + 52000);
    assert_string_equal(stored_fields(), "head w1");
    add_moment(BL_ACTION_CLICK, "/new", T0 + 52000);
    assert_string_equal(stored_fields(), "head w2");
    assert_held();
}

static void what_the_window_leaves_is_taken_away(void **state)
{
    (void)state;
    forget_held();
    bl_user_init(u);
    u->seen_ms = u->floor_ms = T0;
    for (int i = 0; i < 5 * BL_WINDOW_KEEP; i++) {
        int64_t gap = i % 97 == 0 ? BL_WINDOW_MS / 2 : 100;
        u->seen_ms += gap;
        add_moment(BL_ACTION_SCROLL, i % 5 ? "/a" : "/b", u->seen_ms);
        if (i % 7 < 2 || i % 31 == 0) {
            stored_fields();
            assert_held();
        }
    }
    assert_true(u->window_first > 0);
}

static void new_numbers_for_names_are_written_everywhere(void **state)
{
    char page[24];
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    for (int i = 0; i < 60; i++) {
        snprintf(page, sizeof page, "/passing/%d", i);
        (void)name(page);
    }
    assert_string_equal(stored_fields(), "head names");
    bl_user_sweep(u);
    assert_int_equal(u->n_names, 6);
    assert_string_equal(stored_fields(), "all: head names visits open w0 w1");
    assert_held();
}

static void a_user_who_begins_again_is_written_whole(void **state)
{
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    bl_user_init(u);
    shopper();
    for (int i = 0; i < u->n_window; i++)
        u->window[i].t_ms += 3600000;
    assert_string_equal(stored_fields(), "all: head names visits open w0 w1");
    assert_held();
}

static void who_is_read_goes_on(void **state)
{
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    size_t n = 0;
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    for (; n < BL_STATE_FIELDS_MAX && held[n].name; n++)
        pairs[n] = (struct bl_state_pair){bl_str_of(held[n].name), bl_str_of(held[n].value)};
    assert_int_equal(bl_state_decode(decoder, u, pairs, n, &kept), BL_OK);
    assert_string_equal(stored_fields(), "head");
    pairs[n] = (struct bl_state_pair){BL_STR("later"), BL_STR("x")};
    assert_int_equal(bl_state_decode(decoder, u, pairs, n + 1, &kept), BL_OK);
    assert_string_equal(stored_fields(), "all: head names visits open w0 w1");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(only_what_changed_is_written),
        STORY(what_the_window_leaves_is_taken_away),
        STORY(new_numbers_for_names_are_written_everywhere),
        STORY(a_user_who_begins_again_is_written_whole),
        STORY(who_is_read_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
