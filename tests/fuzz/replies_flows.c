/* The rest of those who ask: what alerts keeps, what serve appends, erasures, the audit trail, and the tools that block. */
#include "fuzz.h"
#include "replies.h"

#include "bl/app/ledger.h"
#include "bl/base/limits.h"
#include "bl/store/alerts.h"
#include "bl/store/append.h"
#include "bl/store/audit.h"
#include "bl/store/bulk.h"
#include "bl/store/erasure.h"
#include "bl/store/keyring.h"
#include "bl/store/ruleset.h"
#include "bl/store/tape.h"

#define ROUNDS_MAX 20
#define URL        "redis://h"
#define ENV        "dev"

static const struct bl_hash_key key = {1, 2};

static void answer_all(void)
{
    for (int i = 0; i < 2000 && fake_answer(); i++)
        ;
}

/* ---- alerts ---- */

static unsigned awaited;

static void on_lease(void *ctx, bool held, int64_t now_ms)
{
    (void)ctx, (void)held, (void)now_ms;
    awaited--;
}

static void on_head(void *ctx, int64_t since_ms, int64_t fired_ms)
{
    (void)ctx, (void)since_ms, (void)fired_ms;
}

static void on_counted(void *ctx, struct bl_pattern_id id, int64_t at_ms)
{
    (void)ctx, (void)id, (void)at_ms;
}

static void on_waiting(void *ctx, struct bl_str delivery, int64_t next_ms)
{
    (void)ctx, (void)next_ms;
    FUZZ_CHECK(delivery.n < 1u << 30);
}

static void on_done(void *ctx, enum bl_err err)
{
    (void)ctx, (void)err;
    awaited--;
}

static void on_known(void *ctx, enum bl_err err, const bool *known, size_t n)
{
    (void)ctx;
    FUZZ_CHECK(err != BL_OK || (known && n == 2));
    awaited--;
}

static void on_row(void *ctx, enum bl_err err, const struct bl_row *row)
{
    (void)ctx;
    FUZZ_CHECK(err == BL_OK || !row);
    awaited--;
}

static void on_delivery(void *ctx, enum bl_err err, const struct bl_alert_delivery *d)
{
    (void)ctx;
    FUZZ_CHECK(err != BL_OK || d);
    awaited--;
}

static void ask_alerts(struct bl_alert_store *s)
{
    static struct bl_alert_loader loader = {NULL, on_head, on_counted, on_waiting, on_done};
    const struct bl_alert_asked asked[2] = {{.rule = "a"}, {.rule = "b"}};
    struct bl_pattern_id id = {{0}};
    awaited = 6;
    bl_alert_store_take(s, on_lease, NULL);
    bl_alert_store_load(s, "a", 1, &loader);
    bl_alert_store_known(s, asked, 2, on_known, NULL);
    bl_alert_store_pattern(s, 0, id, on_row, NULL);
    bl_alert_store_delivery(s, "d", on_delivery, NULL);
    bl_alert_store_begin(s, 1);
    bl_alert_put_decided(s, "a", id);
    bl_alert_put_waiting(s, "a", "d", id, BL_STR("{}"));
    bl_alert_store_commit(s, on_done, NULL);
    answer_all();
}

void lead_alerts(void)
{
    struct bl_link *link = fake_link();
    struct bl_alert_store *s;
    FUZZ_CHECK(bl_alert_store_new(link, ENV, "me", &s) == BL_OK);
    for (int i = 0; i < ROUNDS_MAX && fake_has_more(); i++) {
        ask_alerts(s);
        FUZZ_CHECK(awaited == 0);
    }
    fake_link_close(link);
    bl_alert_store_free(s);
}

/* ---- serve ---- */

static void on_flush(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

void append_some(void)
{
    const struct bl_append_options o = {.url = URL, .env = ENV, .timeout_ms = 450, .flush = on_flush};
    const struct bl_append_entry entries[2] = {{0, BL_STR("x"), 1}, {1, BL_STR("y"), 1}};
    struct bl_append *a;
    bool closed = false;
    FUZZ_CHECK(bl_append_new(fake_loop(), &o, &a) == BL_OK);
    answer_all();
    FUZZ_CHECK(bl_append_open(a, key, 2) == BL_OK);
    for (int i = 0; i < ROUNDS_MAX && fake_has_more(); i++) {
        awaited = 1;
        bl_append_send(a, entries, 1 + (size_t)i % 2, on_done, NULL);
        answer_all();
        FUZZ_CHECK(awaited == 0);
    }
    bl_append_close(a, on_closed, &closed);
    fake_close_all(&closed);
}

void follow_erasures(void)
{
    struct bl_link *link = fake_link();
    struct bl_erasure *e;
    FUZZ_CHECK(bl_erasure_new(BL_STR(ENV), &e) == BL_OK && bl_erasure_open(e, key, 2) == BL_OK);
    for (int i = 0; i < ROUNDS_MAX && fake_has_more(); i++) {
        bl_erasure_poll(e, link);
        answer_all();
        FUZZ_CHECK(bl_erasure_has(e, BL_STR("u")) || !bl_erasure_has(e, BL_STR("u")));
    }
    fake_link_close(link);
    bl_erasure_free(e);
}

void write_audit(void)
{
    const struct bl_audit_entry entry = {BL_STR("resolve"), BL_STR("anonymous"), BL_STR("x"), BL_STR("")};
    const struct bl_audit_keep keep = {1000, 10};
    struct bl_link *link = fake_link();
    struct bl_audit *a;
    FUZZ_CHECK(bl_audit_new(link, BL_STR(ENV), &a) == BL_OK);
    for (int i = 0; i < ROUNDS_MAX && fake_has_more(); i++) {
        awaited = 2;
        bl_audit_write(a, &entry, on_done, NULL);
        bl_audit_write(a, &entry, on_done, NULL);
        bl_audit_tidy(a, &keep);
        answer_all();
        FUZZ_CHECK(awaited == 0);
    }
    fake_link_close(link);
    bl_audit_free(a);
}

/* ---- tools ---- */

void read_tape(void)
{
    struct bl_buf why = {0}, text = {0};
    struct bl_tape *t;
    struct bl_tape_reach reach;
    struct bl_tape_entry entry;
    int64_t version;
    bool more = true;
    if (bl_tape_open(URL, ENV, &t, &why) == BL_OK) {
        (void)!bl_tape_reach(t, 0, &reach);
        (void)!bl_tape_rules(t, 5, &text, &version);
        bl_tape_wind(t, 0, 0, INT64_MAX);
        for (int i = 0; i < 1000 && more && bl_tape_next(t, &entry, &more) == BL_OK; i++)
            FUZZ_CHECK(!more || entry.value.n == 0 || entry.value.p);
        bl_tape_close(t);
    }
    bl_buf_release(&why);
    bl_buf_release(&text);
}

static void on_version(void *ctx, const struct bl_ruleset_version *v)
{
    (void)ctx;
    FUZZ_CHECK(v->settings.n == 0 || v->settings.p);
}

void see_rules(void)
{
    static struct bl_ruleset_effect effect;
    struct bl_buf why = {0};
    struct bl_ruleset *r;
    struct bl_ruleset_version v;
    struct bl_ruleset_applied applied = {0};
    struct bl_settings settings;
    struct bl_str text;
    bl_settings_defaults(&settings);
    if (bl_ruleset_open(URL, ENV, &r, &why) == BL_OK) {
        (void)!bl_ruleset_newest(r, &v);
        (void)!bl_ruleset_history(r, 10, on_version, NULL);
        (void)!bl_ruleset_in_effect(r, &effect);
        (void)!bl_ruleset_of_up(r, &text);
        (void)!bl_ruleset_apply(r, &settings, "test", true, BL_STR("local:me"), &applied);
        bl_rules_free(applied.before);
        bl_ruleset_close(r);
    }
    bl_buf_release(&why);
}

static void on_record(void *ctx, const struct bl_audit_record *record)
{
    bl_audit_check_next(ctx, record);
}

void collect(void)
{
    static struct bl_access_key keys[BL_KEYS_MAX];
    struct bl_buf why = {0};
    struct bl_bulk *b;
    struct bl_ledger ledger;
    struct bl_audit_check check;
    size_t n, unread;
    int64_t lag;
    bl_ledger_init(&ledger);
    if (bl_bulk_open(URL, ENV, 2, &b, &why) == BL_OK) {
        (void)!bl_bulk_lag(b, &lag);
        (void)!bl_bulk_patterns(b, &ledger);
        (void)!bl_bulk_erase(b);
        bl_bulk_close(b);
    }
    bl_ledger_release(&ledger);
    (void)!bl_keyring_list(URL, ENV, keys, &n, &unread, &why);
    (void)!bl_audit_check_begin(&check, BL_STR(""));
    (void)!bl_audit_each(URL, ENV, on_record, &check, &why);
    (void)!bl_audit_check_end(&check);
    bl_buf_release(&why);
}
