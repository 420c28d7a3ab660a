/* Values as text: reading, printing, and the sentence that says what would do. Printing is the inverse of
 * reading, so that what `config` prints can be read again. */
#include "internal.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

static const char *const yes_words[] = {"yes", "true", "on", "1"};
static const char *const no_words[] = {"no", "false", "off", "0"};

static bool word_in(struct bl_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bl_str_ieq(s, bl_str_of(words[i])))
            return true;
    return false;
}

/* Digits, then optionally one of the units. */
static bool parse_units(struct bl_str s, const struct unit *units, size_t n, int64_t *out)
{
    size_t digits = 0;
    int64_t v, factor = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (!bl_str_int64((struct bl_str){s.p, digits}, &v))
        return false;
    struct bl_str unit = {s.p + digits, s.n - digits};
    if (unit.n == 0)
        factor = 1;
    for (size_t i = 0; i < n && factor == 0; i++)
        if (bl_str_eqz(unit, units[i].name))
            factor = units[i].factor;
    return factor != 0 && !__builtin_mul_overflow(v, factor, out);
}

bool bl_number_parse(enum bl_option_type type, struct bl_str text, int64_t *out)
{
    switch (type) {
    case BL_OPT_MS:
        return parse_units(text, time_units, sizeof time_units / sizeof *time_units, out);
    case BL_OPT_BYTES:
        return parse_units(text, size_units, sizeof size_units / sizeof *size_units, out);
    case BL_OPT_FLAG:
        *out = word_in(text, yes_words, 4);
        return *out || word_in(text, no_words, 4);
    case BL_OPT_COUNT:
        return bl_str_int64(text, out);
    case BL_OPT_TEXT:
    case BL_OPT_CHOICE:
        break;
    }
    return false;
}

static void put_units(struct bl_buf *b, int64_t v, const struct unit *units)
{
    while (v % units->factor != 0)
        units++;
    bl_buf_int(b, v / units->factor);
    bl_buf_z(b, units->name);
}

void bl_number_put(struct bl_buf *b, enum bl_option_type type, int64_t v)
{
    if (type == BL_OPT_FLAG)
        bl_buf_z(b, v ? "yes" : "no");
    else if (v == 0 || type == BL_OPT_COUNT)
        bl_buf_int(b, v);
    else
        put_units(b, v, type == BL_OPT_MS ? time_units : size_units);
}

static void say_got(struct bl_buf *why, struct bl_str text)
{
    bl_buf_z(why, "; it is ");
    bl_buf_json(why, text.n > 80 ? (struct bl_str){text.p, 80} : text);
}

bool bl_number_check(enum bl_option_type type, int64_t min, int64_t max, struct bl_str text, int64_t *out,
                     struct bl_buf *why)
{
    static const char *const kinds[] = {
        [BL_OPT_TEXT] = "a text",  [BL_OPT_COUNT] = "a whole number", [BL_OPT_MS] = "a time",
        [BL_OPT_BYTES] = "a size", [BL_OPT_FLAG] = "yes or no",       [BL_OPT_CHOICE] = "a choice",
    };
    static const char *const examples[] = {
        [BL_OPT_TEXT] = "",
        [BL_OPT_COUNT] = "",
        [BL_OPT_MS] = " (as in 500ms, 10s, 2m, 1h, 30d)",
        [BL_OPT_BYTES] = " (as in 64KiB, 1MiB)",
        [BL_OPT_FLAG] = "",
        [BL_OPT_CHOICE] = "",
    };
    if (bl_number_parse(type, text, out) && *out >= min && *out <= max)
        return true;
    bl_buf_printf(why, "must be %s", kinds[type]);
    if (type != BL_OPT_FLAG) {
        bl_buf_z(why, " from ");
        bl_number_put(why, type, min);
        if (max != INT64_MAX) {
            bl_buf_z(why, " to ");
            bl_number_put(why, type, max);
        } else {
            bl_buf_z(why, " on");
        }
        bl_buf_z(why, examples[type]);
    }
    say_got(why, text);
    return false;
}

static bool parse_text(const struct option_info *o, struct bl_str text, struct bl_buf *why)
{
    if (text.n >= (size_t)o->min && text.n <= (size_t)o->max && bl_str_utf8(text) &&
        !bl_str_has_control(text))
        return true;
    bl_buf_printf(why, "must be %d to %d bytes of text without control characters", (int)o->min, (int)o->max);
    say_got(why, text);
    return false;
}

/* The number of the choice, -1: not one of them. */
static int64_t choice_of(const char *choices, struct bl_str text)
{
    int64_t number = 0;
    for (const char *p = choices;; number++) {
        size_t n = strcspn(p, "|");
        if (bl_str_eq(text, (struct bl_str){p, n}))
            return number;
        if (p[n] == '\0')
            return -1;
        p += n + 1;
    }
}

bool bl_setting_parse(struct bl_config *c, enum bl_option_id id, struct bl_str text, struct setting *out,
                      struct bl_buf *why)
{
    const struct option_info *o = &bl_options[id];
    if (o->type != BL_OPT_TEXT && o->type != BL_OPT_CHOICE)
        return bl_number_check(o->type, o->min, o->max, text, &out->i, why);
    if (o->type == BL_OPT_CHOICE) {
        out->i = choice_of(o->value, text);
        if (out->i < 0) {
            bl_buf_printf(why, "must be one of %s", o->value);
            say_got(why, text);
            return false;
        }
    } else if (!parse_text(o, text, why)) {
        return false;
    }
    out->text = bl_config_copy(c, text);
    if (!out->text)
        bl_buf_z(why, "out of memory");
    return out->text != NULL;
}

enum bl_option_type bl_param_number(enum bl_param_type type)
{
    if (type == BL_PARAM_MS)
        return BL_OPT_MS;
    return type == BL_PARAM_FLAG ? BL_OPT_FLAG : BL_OPT_COUNT;
}
