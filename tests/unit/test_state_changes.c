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

static size_t held_pairs(struct bl_state_pair pairs[BL_STATE_FIELDS_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX && held[i].name; i++)
        if (held[i].value[0])
            pairs[n++] = (struct bl_state_pair){bl_str_of(held[i].name), bl_str_of(held[i].value)};
    return n;
}

/* What is held is the state, but for names that nothing tells of any more. */
static void assert_held(void)
{
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX + 1];
    struct bl_state_field f[BL_STATE_FIELDS_MAX], g[BL_STATE_FIELDS_MAX];
    struct bl_state_stored stored;
    size_t n = held_pairs(pairs);
    assert_int_equal(bl_state_decode(decoder, back, pairs, n, &stored), BL_OK);
    assert_true(stored.known);
    encode_into(u, &again, f);
    static struct bl_buf more;
    encode_into(back, &more, g);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        if (!bl_str_eq(f[i].value, g[i].value))
            fail_msg("%s is %.*s, held is %.*s", f[i].name, BL_STR_ARG(f[i].value), BL_STR_ARG(g[i].value));
    bl_buf_release(&more);
}

static void only_what_changed_is_written(void **state)
{
    (void)state;
    forget_held();
    shopper();
    assert_string_equal(stored_fields(), "h n o 0");
    assert_string_equal(stored_fields(), "h");
    add_moment(BL_ACTION_CLICK, "/cart", T0 + 50000);
    assert_string_equal(stored_fields(), "h");
    u->marks[0].element = name("#new");
    assert_string_equal(stored_fields(), "h");
    add_visit("/new", T0 + 51000, true, false);
    assert_string_equal(stored_fields(), "h n");
    u->open[0].element = name("#pay");
    assert_string_equal(stored_fields(), "h n o");
    u->n_open = 0;
    assert_string_equal(stored_fields(), "h -o");
    u->n_visits = 0;
    assert_string_equal(stored_fields(), "h");
    assert_held();
    for (int i = 0; i < 9; i++)
        add_moment(BL_ACTION_CLICK, "/new", T0 + 52000);
    assert_string_equal(stored_fields(), "h");
    add_moment(BL_ACTION_CLICK, "/new", T0 + 52000);
    assert_string_equal(stored_fields(), "h 1");
    assert_held();
    u->session = name("#new"); /* a text that there was, as another thing */
    assert_string_equal(stored_fields(), "h n");
    assert_held();
}

static void what_the_window_leaves_is_taken_away(void **state)
{
    (void)state;
    forget_held();
    bl_user_init(u);
    u->seen_ms = u->floor_ms = u->session_ms = T0;
    for (int i = 0; i < 5 * BL_WINDOW_KEEP; i++) {
        int64_t gap = i % 97 == 0 ? BL_WINDOW_MS / 2 : 100;
        u->seen_ms += gap;
        if (i % 13 == 0)
            add_visit(i % 5 ? "/a" : "/b", u->seen_ms, true, i % 2);
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
    for (int i = 0; i < 40; i++) {
        snprintf(page, sizeof page, "/passing/%d", i);
        (void)name(page);
    }
    assert_string_equal(stored_fields(), "h"); /* nothing tells of them */
    u->page = name("/passing/39");
    assert_string_equal(stored_fields(), "h n");
    bl_user_sweep(u);
    assert_int_equal(u->n_names, 8);
    assert_string_equal(stored_fields(), "h n o 0");
    assert_held();
}

static void more_names_than_bits_are_told_by_their_text(void **state)
{
    char page[24];
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    for (int i = 0; i < 100; i++) {
        snprintf(page, sizeof page, "/passing/%d", i);
        (void)name(page);
    }
    assert_string_equal(stored_fields(), "h n");
    assert_string_equal(stored_fields(), "h");
    u->page = name("/passing/80");
    assert_string_equal(stored_fields(), "h n");
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
    u->n_open = 0;
    for (int i = 0; i < u->n_window; i++)
        u->window[i].t_ms += 3600000;
    u->window[u->n_window = 15].page = 0; /* no chunk is full */
    u->n_visits = 0;
    assert_string_equal(stored_fields(), "h n -o -0");
    assert_held();
}

static void another_session_is_written_whole(void **state)
{
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    u->session_ms = T0 + 10000;
    assert_string_equal(stored_fields(), "h n o 0");
    assert_held();
}

static void who_is_read_goes_on(void **state)
{
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX + 1];
    (void)state;
    forget_held();
    shopper();
    stored_fields();
    size_t n = held_pairs(pairs);
    assert_int_equal(bl_state_decode(decoder, u, pairs, n, &kept), BL_OK);
    assert_string_equal(stored_fields(), "h");
    pairs[n] = (struct bl_state_pair){BL_STR("later"), BL_STR("x")};
    assert_int_equal(bl_state_decode(decoder, u, pairs, n + 1, &kept), BL_OK);
    assert_string_equal(stored_fields(), "all: h n o 0");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(only_what_changed_is_written),
        STORY(what_the_window_leaves_is_taken_away),
        STORY(new_numbers_for_names_are_written_everywhere),
        STORY(more_names_than_bits_are_told_by_their_text),
        STORY(a_user_who_begins_again_is_written_whole),
        STORY(another_session_is_written_whole),
        STORY(who_is_read_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
