/* Bytes as a user's life: four bytes a step (what, where, with what, how much later). The life is lived
 * twice: once in one piece of memory, once with the state stored as text and read back before every step.
 * Both must have the same effects, byte for byte, and end in the same state: what a worker does does not
 * depend on when it was restarted (SPEC 3.5). */
#include "fuzz.h"

#include "bl/core/rule.h"
#include "bl/wire/row.h"
#include "bl/wire/state.h"

#define T0        1700000000000LL
#define USER      BL_STR("user-1")
#define STEPS_MAX 256

struct life {
    struct bl_user *u;
    struct bl_engine engine;
    struct bl_buf effects;       /* of the step at hand */
    struct bl_pattern_id latest; /* the last pattern that was new */
    int attempts;
};

static struct life whole, stored;
static struct bl_state_decoder *decoder;
static struct bl_settings settings;
static struct bl_buf whole_text, stored_text;

static void on_pattern(void *ctx, const struct bl_pattern *p)
{
    struct life *l = ctx;
    struct bl_buf text = {0};
    struct bl_row row;
    FUZZ_CHECK(p->rule < BL_RULE_COUNT && p->severity >= BL_LOW && p->severity <= BL_HIGH);
    FUZZ_CHECK(bl_row_of(p, &text, &row) == BL_OK);
    bl_buf_int(&l->effects, p->change);
    bl_row_json(&row, &l->effects);
    bl_buf_char(&l->effects, '\n');
    if (p->change == BL_PATTERN_NEW)
        l->latest = p->id;
    bl_buf_release(&text);
}

static void on_attempt(void *ctx, enum bl_attempt_end end)
{
    struct life *l = ctx;
    l->attempts++;
    bl_buf_int(&l->effects, end);
}

static void start(struct life *l)
{
    if (!l->u)
        l->u = malloc(sizeof *l->u);
    FUZZ_CHECK(l->u);
    l->engine = (struct bl_engine){&settings, {l, on_pattern, on_attempt}};
    bl_user_init(l->u);
    bl_buf_clear(&l->effects);
    memset(&l->latest, 0, sizeof l->latest);
}

static void store_and_read(struct bl_user *u)
{
    struct bl_state_field f[BL_STATE_FIELDS_MAX];
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    FUZZ_CHECK(bl_state_encode(u, &stored_text, f) == BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        pairs[i] = (struct bl_state_pair){bl_str_of(f[i].name), f[i].value};
    FUZZ_CHECK(bl_state_decode(decoder, u, pairs, BL_STATE_FIELDS_MAX) == BL_OK);
}

static void check_same(void)
{
    struct bl_state_field a[BL_STATE_FIELDS_MAX], b[BL_STATE_FIELDS_MAX];
    FUZZ_CHECK(whole.effects.err == BL_OK &&
               bl_str_eq(bl_buf_view(&whole.effects), bl_buf_view(&stored.effects)));
    FUZZ_CHECK(bl_state_encode(whole.u, &whole_text, a) == BL_OK);
    FUZZ_CHECK(bl_state_encode(stored.u, &stored_text, b) == BL_OK);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        FUZZ_CHECK(bl_str_eq(a[i].value, b[i].value));
    FUZZ_CHECK(whole.u->due_ms == stored.u->due_ms);
}

static void step_both(void (*step)(struct life *l, const void *arg), const void *arg)
{
    bl_buf_clear(&whole.effects);
    bl_buf_clear(&stored.effects);
    store_and_read(stored.u);
    step(&whole, arg);
    step(&stored, arg);
    check_same();
}

static void fire(struct life *l, const void *arg)
{
    (void)arg;
    bl_engine_fire(&l->engine, l->u, USER);
}

static void apply(struct life *l, const void *arg)
{
    const struct bl_event *e = arg;
    bl_engine_event(&l->engine, l->u, USER, e);
}

static void resolve(struct life *l, const void *arg)
{
    const int64_t *now_ms = arg;
    (void)!bl_engine_resolve(&l->engine, l->u, USER, &l->latest, *now_ms);
}

static struct bl_event event_of(const uint8_t *b, int64_t now_ms)
{
    static const char *const pages[] = {"/",          "/a",       "/b",         "/cart", "/checkout/address",
                                        "/payment/2", "/confirm", "/THANK-YOU", "",      "/cartoons"};
    static const char *const elements[] = {"", "#buy", "#buy ", "form-1"};
    struct bl_event e = {.action = (enum bl_action)(b[0] % BL_ACTION_COUNT), .t_ms = now_ms, .idle_ms = -1};
    e.page = bl_str_of(pages[b[1] % 10]);
    if (e.page.n == 0 && (bl_action_traits(e.action) & BL_PAGE))
        e.page = BL_STR("/");
    e.session_id = b[1] & 0x80 ? BL_STR("s") : BL_STR("");
    e.target = bl_str_of(elements[b[2] & 3]);
    e.form = bl_str_of(elements[b[2] >> 2 & 3]);
    e.has_xy = b[2] & 0x10;
    e.x = b[2] >> 5;
    e.y = b[3];
    if (e.action == BL_ACTION_IDLE && b[2] & 1)
        e.idle_ms = (int64_t)b[2] * 500;
    return e;
}

/* What a person, or nobody, does for a while. */
static int64_t later(uint8_t b)
{
    static const int64_t unit[] = {0, 1, 100, 1000, 5000, 15000, 60000, 600000};
    return unit[b & 7] * (b >> 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_ms = T0;
    if (!decoder) {
        FUZZ_CHECK(bl_state_decoder_new(&decoder) == BL_OK);
        bl_settings_defaults(&settings);
    }
    start(&whole);
    start(&stored);
    for (size_t i = 0; i + 4 <= size && i < (size_t)4 * STEPS_MAX; i += 4) {
        int fired = 0;
        now_ms += later(data[i + 3]);
        while (whole.u->due_ms <= now_ms && fired++ < 1000)
            step_both(fire, NULL);
        FUZZ_CHECK(fired < 1000);
        if (data[i] == 0xFF) {
            step_both(resolve, &now_ms);
        } else {
            struct bl_event e = event_of(data + i, now_ms);
            step_both(apply, &e);
        }
    }
    for (int fired = 0; whole.u->due_ms != BL_NEVER; fired++) {
        FUZZ_CHECK(fired < 1000);
        step_both(fire, NULL);
    }
    FUZZ_CHECK(bl_user_gone(whole.u)); /* in the end everybody is forgotten (SPEC 4.6) */
    return 0;
}
