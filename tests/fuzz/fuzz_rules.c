/* Any bytes as the rules of a data set (wire/rules.h), or as a command of the stream. What is accepted must be written
 * and read back as the same settings; and any settings that are accepted must be safe to work with, on a user who has
 * lived under others: every deadline comes to rest. */
#include "fuzz.h"

#include "bl/core/rule.h"
#include "bl/core/tunable.h"
#include "bl/wire/command.h"
#include "bl/wire/rules.h"

static struct bl_user *user;
static struct bl_settings defaults;

static void live(const struct bl_settings *s)
{
    static const enum bl_action actions[] = {
        BL_ACTION_PAGE_VIEW,      BL_ACTION_CLICK,        BL_ACTION_CLICK,    BL_ACTION_DEAD_CLICK,
        BL_ACTION_ERROR,          BL_ACTION_INPUT_CHANGE, BL_ACTION_NAVIGATE, BL_ACTION_IDLE,
        BL_ACTION_CHECKOUT_START, BL_ACTION_PAGE_VIEW,    BL_ACTION_PAGE_VIEW};
    static const char *const pages[] = {"/checkout", "/a", "/payment", "/checkout"};
    struct bl_engine g = bl_engine_of(s, (struct bl_sink){NULL, NULL, NULL});
    struct bl_event e = {.t_ms = user->floor_ms + 1, .idle_ms = 20000, .has_xy = true, .form = BL_STR("f")};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++, e.t_ms += 100) {
        e.action = actions[i];
        e.page = bl_str_of(pages[i % 4]);
        e.target = i % 2 ? BL_STR("#buy") : BL_STR("");
        bl_engine_event(&g, user, BL_STR("u"), &e);
    }
}

static void come_to_rest(const struct bl_settings *s)
{
    struct bl_engine g = bl_engine_of(s, (struct bl_sink){NULL, NULL, NULL});
    int fired = 0;
    while (user->due_ms != BL_NEVER && fired++ < 1000)
        bl_engine_fire(&g, user, BL_STR("u"));
    FUZZ_CHECK(fired < 1000);
}

static void check_harmless(const struct bl_settings *s)
{
    bl_user_init(user);
    live(&defaults);
    live(s);
    live(&defaults);
    come_to_rest(s);
    live(s);
    come_to_rest(&defaults);
}

static void check_round_trip(const struct bl_settings *s, struct bl_buf *why)
{
    struct bl_buf text;
    struct bl_rules *back;
    bl_buf_init(&text, 0);
    bl_rules_write(s, &text);
    FUZZ_CHECK(text.err == BL_OK && bl_rules_read(bl_buf_view(&text), &back, why) == BL_OK && why->n == 0);
    FUZZ_CHECK(bl_settings_same(s, bl_rules_settings(back)));
    bl_rules_free(back);
    bl_buf_release(&text);
}

static void check_rules(struct bl_str text)
{
    static struct bl_buf why;
    struct bl_rules *rules;
    enum bl_err err = bl_rules_read(text, &rules, &why);
    FUZZ_CHECK(err == BL_OK || (err == BL_ERR_CORRUPT && why.n > 0));
    if (err != BL_OK)
        return;
    check_round_trip(bl_rules_settings(rules), &why);
    check_harmless(bl_rules_settings(rules));
    bl_rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_str text = {(const char *)data, size};
    struct bl_command command;
    if (!user) {
        user = bl_user_place(malloc(bl_user_bytes(&bl_room_max)), &bl_room_max);
        FUZZ_CHECK(user);
        bl_settings_defaults(&defaults);
    }
    enum bl_err err = bl_command_read(text, &command);
    FUZZ_CHECK(err == BL_OK || err == BL_ERR_CORRUPT);
    if (err == BL_OK) {
        struct bl_buf b;
        struct bl_command back;
        bl_buf_init(&b, 0);
        bl_command_write(&command, &b);
        FUZZ_CHECK(bl_command_read(bl_buf_view(&b), &back) == BL_OK && back.kind == command.kind);
        bl_buf_release(&b);
    }
    check_rules(err == BL_OK && command.kind == BL_COMMAND_RULES ? command.settings : text);
    return 0;
}
