/* What runs over recorded events, and what is read: replay, comparison, configuration, state, commands, keys, limits. */
#include "flows.h"

#include "bl/app/access.h"
#include "bl/app/compare.h"
#include "bl/app/limiter.h"
#include "bl/app/replay.h"
#include "bl/config/config.h"
#include "bl/core/engine.h"
#include "bl/core/rule.h"
#include "bl/wire/command.h"
#include "bl/wire/message.h"
#include "bl/wire/rules.h"
#include "bl/wire/state.h"
#include "user_room.h"

#define CONFIG_PATH MEMORY_DIR "/config.yaml"
#define ALERTS_PATH MEMORY_DIR "/alerts.yaml"

/* ---- replay ---- */

static struct bl_config *config_of(const char *path)
{
    struct bl_config *c = NULL;
    struct bl_buf why = {0};
    bool was = full_begin();
    FLOW_CHECK(bl_config_load(path, &c, &why) == BL_OK);
    bl_buf_release(&why);
    full_end(was);
    return c;
}

/* 30 users who do what patterns are made of. */
static struct bl_str event_line(int i)
{
    static char lines[32][256]; /* a replay looks at those before */
    char *line = lines[i % 32];
    static const char *const does[] = {
        "page_view\",\"page\":\"/cart",
        "click\",\"page\":\"/cart",
        "click\",\"page\":\"/cart",
        "page_view\",\"page\":\"/checkout",
        "dead_click\",\"page\":\"/checkout",
        "page_view\",\"page\":\"/a",
        "page_view\",\"page\":\"/b",
        "page_view\",\"page\":\"/a",
        "input_change\",\"page\":\"/a\",\"metadata\":{\"form\":\"f\"},\"title\":\"t"};
    int n = snprintf(line, sizeof lines[0],
                     "{\"user_id\":\"u%d\",\"event_id\":\"e%d\",\"timestamp\":%lld,\"action\":\"%s\"}", i % 5,
                     i, 1700000000000LL + 700LL * i + (i / 50) * 70000LL,
                     does[(size_t)(i / 5) % (sizeof does / sizeof *does)]);
    return (struct bl_str){line, (size_t)n};
}

static void say_ledger(const struct bl_ledger *l)
{
    static struct bl_buf out;
    bool was = full_begin();
    for (size_t i = 0; i < bl_ledger_count(l); i++) {
        bl_buf_clear(&out);
        bl_row_json(&bl_ledger_entry(l, i)->row, &out);
        say_str(bl_buf_view(&out));
        say("\n");
    }
    full_end(was);
}

static enum bl_err compare(const struct bl_replay *r)
{
    struct bl_comparison c;
    enum bl_err err = bl_compare(bl_replay_ledger(r, 0), bl_replay_ledger(r, 1), &c);
    if (err != BL_OK)
        return err;
    say("%zu differ, %zu pages, %zu sessions %lld %lld\n", c.n, c.pages.n, c.n_sessions,
        (long long)c.friction_before, (long long)c.friction_after);
    bl_comparison_release(&c);
    return BL_OK;
}

static enum bl_err run_lines(struct bl_replay *r, bool live)
{
    struct bl_problem problem;
    enum bl_err err = BL_OK;
    for (int i = 0; i < 100 && err == BL_OK; i++) {
        struct bl_str line = event_line(i);
        if (live) {
            struct bl_replay_entry e = {1700000000000LL + 700LL * i, i % 2, BL_STR("events"), line};
            err = bl_replay_entry(r, &e, &problem);
        } else {
            err = bl_replay_line(r, line, &problem);
        }
    }
    return err == BL_OK ? bl_replay_end(r) : err;
}

static void replay_over(bool live)
{
    static struct bl_config *one, *two;
    if (!one) {
        one = config_of(CONFIG_PATH);
        two = config_of(ALERTS_PATH);
    }
    const struct bl_replay_options o = {.config = {one, two}, .live = live};
    for (TRIES) {
        struct bl_replay *r = NULL;
        enum bl_err err = bl_replay_new(&o, &r);
        if (err == BL_OK)
            err = run_lines(r, live);
        if (err == BL_OK) {
            say_ledger(bl_replay_ledger(r, 0));
            say_ledger(bl_replay_ledger(r, 1));
            err = compare(r);
        }
        if (err == BL_OK)
            say("%lld taken", (long long)bl_replay_counts(r).taken);
        if (r)
            bl_replay_free(r);
        if (came(0, err))
            break;
    }
}

static void replay(void)
{
    replay_over(false);
}

static void replay_live(void)
{
    replay_over(true);
}

/* ---- configuration ---- */

static enum bl_err print(const struct bl_config *c)
{
    struct bl_buf out = {0};
    bl_config_print_yaml(c, true, &out);
    bl_config_print_json(c, &out);
    bl_config_others(c, &out);
    if (out.err == BL_OK)
        say_str(bl_buf_view(&out));
    enum bl_err err = out.err;
    bl_buf_release(&out);
    return err;
}

static void configure(void)
{
    static char rate[] = "BL_RATE=100", lease[] = "BL_LEASE=3s", typo[] = "BL_LEESE=1", name[] = "serve",
                option[] = "--config", port[] = "--port", number[] = "9999", parts[] = "--partitions=4";
    char *env[] = {rate, lease, typo, NULL}, path[512];
    for (int i = 0; i < 3; i++)
        for (TRIES) {
            static const char *const paths[] = {CONFIG_PATH, ALERTS_PATH, MEMORY_DIR "/wrong.yaml"};
            char *argv[] = {name, option, path, port, number, parts, NULL};
            int argc = 6;
            snprintf(path, sizeof path, "%s", paths[i]);
            struct bl_config_input in = {BL_FOR_SERVE, "serve", env};
            struct bl_config *c = NULL;
            struct bl_buf problems = {0};
            enum bl_err err = bl_config_read(&in, &argc, argv, &c, &problems);
            if (err != BL_ERR_NO_MEMORY && problems.err == BL_OK)
                say_str(bl_buf_view(&problems));
            if (err == BL_OK)
                err = print(c);
            else
                FLOW_CHECK(!c);
            bool said_so = problems.n && memmem(problems.p, problems.n, "out of memory", 13);
            if (problems.err == BL_ERR_NO_MEMORY || said_so)
                err = BL_ERR_NO_MEMORY;
            bl_buf_release(&problems);
            bl_config_free(c);
            if (came(i, err))
                break;
        }
}

/* ---- what is stored ---- */

static void ignore_pattern(void *ctx, const struct bl_pattern *p)
{
    (void)ctx, (void)p;
}

static void state(void)
{
    static _Alignas(max_align_t) char blocks[2][BL_TEST_USER_BYTES];
    struct bl_user *u = bl_user_place(blocks[0], &bl_test_room),
                   *back = bl_user_place(blocks[1], &bl_test_room);
    static struct bl_settings settings;
    struct bl_state_decoder *d = NULL;
    bl_settings_defaults(&settings);
    struct bl_engine engine = bl_engine_of(&settings, (struct bl_sink){.pattern = ignore_pattern});
    for (int i = 0; i < 60; i++) {
        struct bl_event e = {.action = i % 3 ? BL_ACTION_PAGE_VIEW : BL_ACTION_CLICK,
                             .page = i % 2 ? BL_STR("/p") : BL_STR("/cart"),
                             .target = BL_STR("#b"),
                             .t_ms = 1700000000000 + 900 * (int64_t)i,
                             .idle_ms = -1};
        bl_engine_event(&engine, u, BL_STR("u"), &e);
    }
    for (TRIES) {
        struct bl_buf text = {0}, again = {0};
        struct bl_state_field field[BL_STATE_FIELDS_MAX];
        struct bl_state_pair pair[BL_STATE_FIELDS_MAX];
        enum bl_err err = bl_state_encode(u, &text, field);
        for (size_t i = 0; i < BL_STATE_FIELDS_MAX && err == BL_OK; i++)
            pair[i] = (struct bl_state_pair){bl_str_of(field[i].name), field[i].value};
        if (err == BL_OK && !d)
            err = bl_state_decoder_new(&d);
        if (err == BL_OK)
            err = bl_state_decode(d, back, pair, BL_STATE_FIELDS_MAX, NULL);
        if (err == BL_OK)
            err = bl_state_encode(back, &again, field);
        if (err == BL_OK) {
            FLOW_CHECK(bl_str_eq(bl_buf_view(&text), bl_buf_view(&again)));
            say_str(bl_buf_view(&text));
        }
        bl_buf_release(&text);
        bl_buf_release(&again);
        if (came(0, err))
            break;
    }
    bl_state_decoder_free(d);
}

static void words(void)
{
    static const char *const commands[] = {
        "{\"command\":\"resolve\",\"pattern_id\":\"00112233445566778899aabbccddeeff\",\"user_id\":"
        "\"\\u00e9\"}",
        "{\"command\":\"explain\",\"pattern_id\":\"00112233445566778899aabbccddeeff\",\"text\":\"x\"}",
        "{\"command\":\"rules\",\"version\":3,\"settings\":{\"twin\":1000}}",
        "{\"command\":\"erase\",\"user_id\":\"u\"}   ", "{\"command\":\"fly\"}"};
    static struct bl_command c;
    const struct bl_message_pattern pattern = {
        BL_STR("hesitation"), BL_STR("high"), BL_STR("/p"), BL_STR("User paused."),
        BL_STR("{\"events\":[{\"action\":\"click\",\"page\":\"/p\",\"t\":1}]}")};
    for (int i = 0; i < 8; i++)
        for (TRIES) {
            struct bl_buf out = {0}, why = {0};
            struct bl_rules *rules = NULL;
            struct bl_settings settings;
            enum bl_err err;
            if (i < 5) {
                err = bl_command_read(bl_str_of(commands[i]), &c);
                if (err == BL_OK)
                    bl_command_write(&c, &out);
            } else if (i == 5) {
                bl_settings_defaults(&settings);
                bl_rules_write(&settings, &out);
                err = out.err;
                if (err == BL_OK)
                    err = bl_rules_read(bl_buf_view(&out), &rules, &why);
                if (err == BL_OK)
                    err = why.err;
            } else if (i == 6) {
                err = bl_message_write(&pattern, BL_STR("m"), &out);
            } else {
                err = bl_message_read(
                    BL_STR("{\"content\":[{\"type\":\"text\",\"text\":\"He <b>paused</b>.\"}]}"), &out);
            }
            if (err == BL_OK)
                err = out.err;
            if (err == BL_OK)
                say_str(bl_buf_view(&out));
            bl_rules_free(rules);
            bl_buf_release(&out);
            bl_buf_release(&why);
            if (came(i, err))
                break;
        }
}

/* ---- who may, and how often ---- */

static void doors(void)
{
    struct bl_access_keys *keys = NULL;
    struct bl_access_key key = {0};
    const char *why;
    for (TRIES) {
        enum bl_err err = bl_access_new(&keys);
        if (came(0, err))
            break;
        keys = NULL;
    }
    if (!keys)
        return;
    FLOW_CHECK(bl_key_read_line(BL_STR("read:0123456789012345678901234567890123456789"), &key, &why));
    FLOW_CHECK(bl_access_fix(keys, &key) == BL_OK);
    bl_access_begin(keys);
    for (TRIES) {
        struct bl_buf out = {0};
        struct bl_access_key stored;
        bl_access_key_put(&key, &out);
        enum bl_err err = out.err;
        if (err == BL_OK)
            err = bl_access_key_read(bl_str_of(key.id), bl_buf_view(&out), &stored);
        if (err == BL_OK)
            say_str(bl_buf_view(&out));
        bl_buf_release(&out);
        if (came(1, err))
            break;
    }
    bl_access_end(keys, true);
    const struct bl_access_ask right = {
        BL_STR("0123456789012345678901234567890123456789"), BL_ACCESS_READ, {0}};
    const struct bl_access_ask wrong = {
        BL_STR("1123456789012345678901234567890123456789"), BL_ACCESS_READ, {0}};
    const struct bl_access_key *found;
    FLOW_CHECK(bl_access_decide(keys, &right, &found) == BL_OK && found);
    FLOW_CHECK(bl_access_decide(keys, &wrong, &found) == BL_ERR_UNAUTHORIZED);
    bl_access_free(keys);
    for (TRIES) {
        struct bl_limiter l;
        enum bl_err err = bl_limiter_init(&l, (struct bl_rate){1, 1}, 1000, (struct bl_hash_key){1, 2});
        if (err == BL_OK) {
            say("%d", bl_limiter_take(&l, BL_STR("u"), 5) == 0);
            say("%d", bl_limiter_take(&l, BL_STR("u"), 5) == 0);
            bl_limiter_release(&l);
        }
        if (came(2, err))
            break;
    }
}

const struct flow run_flows[] = {{"replay", replay},
                                 {"replay-live", replay_live},
                                 {"configure", configure},
                                 {"state", state},
                                 {"words", words},
                                 {"doors", doors},
                                 {0}};
