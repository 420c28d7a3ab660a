/* The program's settings: one table (options.def) from which flags, environment, YAML, --help, `config` and
 * the README come, plus a section per rule read from the rules' descriptors. Precedence: flag, environment,
 * file, default. A configuration is read once, checked as a whole, and never changes. */
#ifndef BL_CONFIG_SETTINGS_H
#define BL_CONFIG_SETTINGS_H

#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/core/settings.h"

enum bl_option_type { BL_OPT_TEXT, BL_OPT_COUNT, BL_OPT_MS, BL_OPT_BYTES, BL_OPT_FLAG, BL_OPT_CHOICE };

/* The commands of the program, as a set: which ones take an option as a flag. */
enum bl_option_for {
    BL_FOR_UP = 1,
    BL_FOR_SERVE = 2,
    BL_FOR_WORKER = 4,
    BL_FOR_SIMULATE = 8,
    BL_FOR_REPLAY = 16,
    BL_FOR_CONFIG = 32,
    BL_FOR_INSPECT = 64,
    BL_FOR_ALERTS = 128,
    BL_FOR_EXPLAIN = 256,
    BL_FOR_RULES = 512,
    BL_FOR_KEY = 1024,
    BL_MANY = 1 << 19, /* given several times, its texts are joined with commas */
    BL_ONCE = 1 << 20, /* belongs to one call: has no place in a file */
    BL_FOR_ALL = BL_MANY - 1
};

#define BL_OPTION(id, name, type, def, min, max, value, commands, help) BL_OPTION_##id,
enum bl_option_id {
#include "bl/config/options.def"
    BL_OPTION_COUNT
};
#undef BL_OPTION

struct bl_config;

/* The value of a COUNT, MS, BYTES or FLAG option; of a CHOICE: its number in the list of choices, from 0. */
int64_t bl_config_int(const struct bl_config *c, enum bl_option_id id);
/* The text of a TEXT or CHOICE option, never NULL. Borrowed from c. */
const char *bl_config_text(const struct bl_config *c, enum bl_option_id id);
/* Was the option given as a flag, on the command line itself? */
bool bl_config_is_flag(const struct bl_config *c, enum bl_option_id id);
/* The rules' settings, for bl_engine. With the event clock grace and floor are 0 already; a host that runs
 * event time by itself (replay) copies the struct and sets both to 0. Borrowed from c. */
const struct bl_settings *bl_config_rules(const struct bl_config *c);

/* Defaults and one file, nothing else: `replay --compare`. On BL_ERR_CONFIG `problems` has a line for each
 * thing wrong ("file:line: field: …"), and *out is NULL. */
BL_CHECKED enum bl_err bl_config_load(const char *path, struct bl_config **out, struct bl_buf *problems);
/* Calls fn for every setting of the detection that is not the same in a and b, in the order in which `config`
 * prints them: its name (a rule's as rules.RULE.NAME) and both values as they would stand in the file. All
 * borrowed for the length of the call. */
typedef void bl_config_diff_fn(void *ctx, struct bl_str name, struct bl_str a, struct bl_str b);
BL_CHECKED enum bl_err bl_config_diff(const struct bl_config *a, const struct bl_config *b,
                                      bl_config_diff_fn *fn, void *ctx);
/* A configuration like `base` (which must outlive it, as must the settings) with other settings of the detection,
 * as a data set keeps them: for bl_config_diff and a replay. Gives *out. */
BL_CHECKED enum bl_err bl_config_over(const struct bl_config *base, const struct bl_settings *settings,
                                      struct bl_config **out);
/* A time as settings have it (500ms 10s 2m 1h 30d, a plain number is in ms); false if it is none. */
bool bl_config_time(struct bl_str text, int64_t *out_ms) __attribute__((warn_unused_result));
/* NULL is fine. */
void bl_config_free(struct bl_config *c);

#endif
