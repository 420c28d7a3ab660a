/* Any bytes as the stored state of a user: lines of `name value`. What is accepted must be written and read
 * back as the same text, and must be safe to work with: deadlines fire, events are applied. */
#include "fuzz.h"

#include "bl/core/rule.h"
#include "bl/wire/state.h"

static struct bl_state_decoder *decoder;
static struct bl_user *user, *back;
static struct bl_settings settings;

static size_t cut_lines(struct bl_str s, struct bl_state_pair *pairs, size_t max)
{
    size_t n = 0;
    while (s.n && n < max) {
        const char *end = memchr(s.p, '\n', s.n);
        size_t line = end ? (size_t)(end - s.p) : s.n;
        const char *space = memchr(s.p, ' ', line);
        if (space) {
            size_t name = (size_t)(space - s.p);
            pairs[n++] = (struct bl_state_pair){{s.p, name}, {space + 1, line - name - 1}};
        }
        line += end != NULL;
        s.p += line;
        s.n -= line;
    }
    return n;
}

static void check_round_trip(void)
{
    static struct bl_buf one, two;
    struct bl_state_field a[BL_STATE_FIELDS_MAX], b[BL_STATE_FIELDS_MAX];
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    FUZZ_CHECK(bl_state_encode(user, &one, a) == BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        pairs[i] = (struct bl_state_pair){bl_str_of(a[i].name), a[i].value};
    FUZZ_CHECK(bl_state_decode(decoder, back, pairs, BL_STATE_FIELDS_MAX, NULL) == BL_OK);
    FUZZ_CHECK(bl_state_encode(back, &two, b) == BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        FUZZ_CHECK(bl_str_eq(a[i].value, b[i].value));
}

/* A rule must move or remove each deadline it fires; a state that never comes to rest is none. */
static void come_to_rest(const struct bl_engine *g)
{
    int fired = 0;
    while (user->due_ms != BL_NEVER && fired++ < 1000)
        bl_engine_fire(g, user, BL_STR("u"));
    FUZZ_CHECK(fired < 1000);
}

/* Something of everything that rules look at, on what the state holds already. */
static void check_harmless(void)
{
    static const enum bl_action actions[] = {
        BL_ACTION_PAGE_VIEW,   BL_ACTION_CLICK,        BL_ACTION_DEAD_CLICK,    BL_ACTION_ERROR,
        BL_ACTION_FORM_SUBMIT, BL_ACTION_INPUT_CHANGE, BL_ACTION_NAVIGATE,      BL_ACTION_IDLE,
        BL_ACTION_PAGE_EXIT,   BL_ACTION_CLICK,        BL_ACTION_CHECKOUT_START};
    struct bl_engine g = bl_engine_of(&settings, (struct bl_sink){NULL, NULL, NULL});
    struct bl_event e = {.t_ms = user->floor_ms + 1, .page = BL_STR("/a"), .idle_ms = 20000, .has_xy = true};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++, e.t_ms += 100) {
        e.action = actions[i];
        e.target = i % 2 ? BL_STR("#buy") : BL_STR("");
        e.form = BL_STR("f");
        bl_engine_event(&g, user, BL_STR("u"), &e);
    }
    come_to_rest(&g);
    e.action = BL_ACTION_PAGE_VIEW;
    bl_engine_event(&g, user, BL_STR("u"), &e);
    come_to_rest(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_state_pair pairs[64];
    if (!decoder) {
        user = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
        back = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
        FUZZ_CHECK(user && back && bl_state_decoder_new(&decoder) == BL_OK);
        bl_settings_defaults(&settings);
    }
    size_t n = cut_lines((struct bl_str){(const char *)data, size}, pairs, sizeof pairs / sizeof *pairs);
    enum bl_err err = bl_state_decode(decoder, user, pairs, n, NULL);
    FUZZ_CHECK(err == BL_OK || err == BL_ERR_CORRUPT);
    check_round_trip();
    if (err == BL_OK && !bl_user_gone(user))
        check_harmless();
    return 0;
}
