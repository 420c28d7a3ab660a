/* Bytes as a user's life: four bytes a step (what, where, with what, how much later; also: a person resolves, the
 * rules change). The life is lived twice: once in one piece of memory, once with the state stored as text and read
 * back, before the steps that the bytes choose. Both must have the same effects, byte for byte, and the same state
 * wherever it is stored: what a worker does does not depend on when it was restarted (SPEC 3.5).
 *
 * Writing and reading the text is what costs; a store before every step would say no more, since every point is chosen
 * by some input. */
#include "../support/user_canon.h"
#include "fuzz.h"

#include "bl/core/rule.h"
#include "bl/wire/row.h"
#include "bl/wire/state.h"

#define T0        1700000000000LL
#define USER      BL_STR("user-1")
#define STEPS_MAX 256
#define MADE_MAX  2048 /* patterns of one life; more than its steps can make */

struct life {
    struct bl_user *u;
    struct bl_engine engine;
    struct bl_buf effects; /* of the step at hand */
    struct bl_pattern_id made[MADE_MAX];
    bool resolved[MADE_MAX];
    size_t n_made;
};

static struct life whole, stored;
static struct bl_state_decoder *decoder;
static struct bl_state_stored kept; /* what `fields` hold */
static struct stored_field {
    const char *name; /* NULL: free */
    struct bl_buf text;
} fields[BL_STATE_FIELDS_MAX];
static struct bl_settings rules[4], settings;
static struct bl_buf whole_text, stored_text;

static size_t made(const struct life *l, const struct bl_pattern_id *id)
{
    size_t i = 0;
    while (i < l->n_made && memcmp(&l->made[i], id, sizeof *id) != 0)
        i++;
    return i;
}

/* A pattern is made once (SPEC 5.2), raised while it is open, and resolved once. */
static void check_change(struct life *l, const struct bl_pattern *p)
{
    size_t i = made(l, &p->id);
    if (p->change == BL_PATTERN_NEW) {
        FUZZ_CHECK(i == l->n_made && i < MADE_MAX);
        l->made[i] = p->id;
        l->resolved[i] = false;
        l->n_made++;
        FUZZ_CHECK(p->detected_ms == p->updated_ms);
        return;
    }
    FUZZ_CHECK(i < l->n_made && !l->resolved[i]);
    if (p->change == BL_PATTERN_RESOLVED) {
        l->resolved[i] = true;
        FUZZ_CHECK(p->resolved_ms >= p->detected_ms);
    } else {
        FUZZ_CHECK(p->updated_ms >= p->detected_ms);
    }
}

static void on_pattern(void *ctx, const struct bl_pattern *p)
{
    static struct bl_buf text;
    struct life *l = ctx;
    struct bl_row row;
    FUZZ_CHECK(p->rule < BL_RULE_COUNT && p->severity >= BL_LOW && p->severity <= BL_HIGH);
    check_change(l, p);
    bl_buf_clear(&text);
    FUZZ_CHECK(bl_row_of(p, &text, &row) == BL_OK);
    bl_buf_int(&l->effects, p->change);
    bl_row_json(&row, &l->effects);
    bl_buf_char(&l->effects, '\n');
}

static void on_attempt(void *ctx, enum bl_attempt_end end)
{
    struct life *l = ctx;
    bl_buf_int(&l->effects, end);
}

static void forget_stored(void)
{
    kept = (struct bl_state_stored){.any = false};
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        bl_buf_clear(&fields[i].text);
}

static void start(struct life *l)
{
    if (!l->u)
        l->u = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    FUZZ_CHECK(l->u);
    l->engine = bl_engine_of(&settings, (struct bl_sink){l, on_pattern, on_attempt});
    bl_user_init(l->u);
    bl_buf_clear(&l->effects);
    l->n_made = 0;
}

/* In the one form of all that mean the same. */
static void as_text(const struct bl_user *u, struct bl_buf *text,
                    struct bl_state_field out[BL_STATE_FIELDS_MAX])
{
    static struct bl_user *same;
    if (!same)
        same = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
    FUZZ_CHECK(same);
    bl_user_copy(same, u);
    user_canon(same);
    FUZZ_CHECK(bl_state_encode(same, text, out) == BL_OK);
}

/* What an owner would write after each step, into what it has written before: the whole state. */
static void store(void)
{
    struct bl_state_changes changes;
    FUZZ_CHECK(bl_state_changes(stored.u, &kept, &stored_text, &changes) == BL_OK);
    if (changes.replace)
        for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
            bl_buf_clear(&fields[i].text);
    for (size_t i = 0; i < changes.n_set + changes.n_del; i++) {
        const char *name = i < changes.n_set ? changes.set[i].name : changes.del[i - changes.n_set];
        struct stored_field *f = fields;
        while (f->name && strcmp(f->name, name) != 0)
            f++;
        f->name = name;
        bl_buf_clear(&f->text);
        if (i < changes.n_set)
            bl_buf_str(&f->text, changes.set[i].value);
    }
}

/* Both states as text: the same. The second goes on from what was read back. */
static void store_and_read(void)
{
    struct bl_state_field a[BL_STATE_FIELDS_MAX], b[BL_STATE_FIELDS_MAX];
    struct bl_state_pair pairs[BL_STATE_FIELDS_MAX];
    size_t n = 0;
    if (bl_user_gone(stored.u)) {
        FUZZ_CHECK(bl_user_gone(whole.u));
        forget_stored();
        return;
    }
    store();
    as_text(whole.u, &whole_text, a);
    as_text(stored.u, &stored_text, b);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++) {
        FUZZ_CHECK(bl_str_eq(a[i].value, b[i].value));
        if (fields[i].name && fields[i].text.n)
            pairs[n++] = (struct bl_state_pair){bl_str_of(fields[i].name), bl_buf_view(&fields[i].text)};
    }
    FUZZ_CHECK(bl_state_decode(decoder, stored.u, pairs, n, &kept) == BL_OK);
    as_text(stored.u, &stored_text, b);
    for (size_t i = 0; i < BL_STATE_FIELDS_MAX; i++)
        FUZZ_CHECK(bl_str_eq(a[i].value, b[i].value));
}

static void step_both(void (*step)(struct life *l, const void *arg), const void *arg)
{
    bl_buf_clear(&whole.effects);
    bl_buf_clear(&stored.effects);
    step(&whole, arg);
    step(&stored, arg);
    FUZZ_CHECK(whole.effects.err == BL_OK &&
               bl_str_eq(bl_buf_view(&whole.effects), bl_buf_view(&stored.effects)));
    FUZZ_CHECK(whole.u->due_ms == stored.u->due_ms && whole.u->friction == stored.u->friction);
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
    if (l->n_made)
        (void)!bl_engine_resolve(&l->engine, l->u, USER, &l->made[l->n_made - 1], *now_ms);
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
    e.x = (b[2] >> 5) * 7.5;
    e.y = b[1] & 0x10 ? -0.0 : 1e2;
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

/* As by default; and others, to change to in the middle of a life. */
static void set_up(void)
{
    static const struct bl_str ignored[] = {{"#buy", 4}, {"form-?", 6}};
    FUZZ_CHECK(bl_state_decoder_new(&decoder) == BL_OK);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        bl_settings_defaults(&rules[i]);
    for (unsigned r = 0; r < BL_RULE_COUNT; r++)
        rules[1].rule[r].enabled = r % 2;
    for (unsigned r = 0; r < BL_RULE_COUNT; r++)
        for (size_t i = 0; i < bl_rule((enum bl_rule_id)r)->n_params; i++) {
            const struct bl_param *p = &bl_rule((enum bl_rule_id)r)->params[i];
            if (p->type == BL_PARAM_PATHS && !p->def.list.n)
                rules[2].rule[r].v[i].list = (struct bl_list){2, ignored, NULL};
            else if (p->type <= BL_PARAM_FLAG)
                rules[2].rule[r].v[i].i = p->min;
        }
    rules[3].session_timeout_ms = 20000;
}

static void live(const uint8_t *b, int64_t now_ms)
{
    int fired = 0;
    if ((b[1] & 0x60) == 0x60)
        store_and_read();
    while (whole.u->due_ms <= now_ms && fired++ < 1000)
        step_both(fire, NULL);
    FUZZ_CHECK(fired < 1000);
    if ((b[2] & 0x60) == 0x60)
        store_and_read();
    if (b[0] == 0xFF) {
        step_both(resolve, &now_ms);
    } else if (b[0] == 0xFE) {
        settings = rules[b[2] & 3];
    } else {
        struct bl_event e = event_of(b, now_ms);
        step_both(apply, &e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_ms = T0;
    if (!decoder)
        set_up();
    settings = rules[0];
    start(&whole);
    start(&stored);
    forget_stored();
    for (size_t i = 0; i + 4 <= size && i < (size_t)4 * STEPS_MAX; i += 4) {
        now_ms += later(data[i + 3]);
        live(data + i, now_ms);
    }
    for (int fired = 0; whole.u->due_ms != BL_NEVER; fired++) {
        FUZZ_CHECK(fired < 1000);
        store_and_read();
        step_both(fire, NULL);
    }
    FUZZ_CHECK(bl_user_gone(whole.u)); /* in the end everybody is forgotten (SPEC 4.6) */
    return 0;
}
