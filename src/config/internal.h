/* What the files of this layer share: the table of options as data, the configuration itself, and the list of
 * problems that reading gathers. */
#ifndef BL_CONFIG_INTERNAL_H
#define BL_CONFIG_INTERNAL_H

#include "bl/config/config.h"
#include "bl/core/rule.h"

#define CONFIG_FILE_MAX_BYTES (1024 * 1024)

struct option_info {
    const char *name, *env, *def, *value, *help;
    enum bl_option_type type;
    unsigned commands;
    int64_t min, max;
};

extern const struct option_info bl_options[BL_OPTION_COUNT];
/* BL_OPTION_COUNT if there is none; '_' counts as '-'. */
enum bl_option_id bl_option_of(struct bl_str name);
/* name with '_' for '-' or the other way round is the same name. */
bool bl_name_same(struct bl_str typed, const char *name);

struct source {
    enum { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG } from;
    size_t line;      /* FROM_FILE */
    const char *name; /* FROM_ENVIRONMENT: of the variable; static or borrowed from the environment table */
};

struct setting {
    int64_t i;
    const char *text; /* TEXT and CHOICE; owned by the configuration */
    struct source source;
};

struct alert;         /* alerts.h */
struct bl_alert_rule; /* bl/config/alerts.h */
struct owned;         /* one block of memory that lives as long as the configuration */

struct bl_config {
    struct setting v[BL_OPTION_COUNT];
    struct bl_settings rules;
    struct source enabled[BL_RULE_COUNT], weight[BL_RULE_COUNT];
    struct source param[BL_RULE_COUNT][BL_RULE_PARAMS_MAX];
    bool spoilt[BL_RULE_COUNT]; /* its section has a problem: what was meant by the rest is not known */
    struct alert *alerts;       /* the section `alerts`, n_alerts of them */
    struct bl_alert_rule *alert_rules; /* made from it */
    size_t n_alerts;
    const char *path; /* of the file; NULL: none */
    struct owned *owned;
};

/* Zeroed memory that is freed with c. NULL when there is none. */
void *bl_config_alloc(struct bl_config *c, size_t n);
/* A terminated copy. */
const char *bl_config_copy(struct bl_config *c, struct bl_str s);

/* Values (value.c). `why` gets the sentence if the text will not do. */
bool bl_number_parse(enum bl_option_type type, struct bl_str text, int64_t *out);
void bl_number_put(struct bl_buf *b, enum bl_option_type type, int64_t v);
bool bl_number_check(enum bl_option_type type, int64_t min, int64_t max, struct bl_str text, int64_t *out,
                     struct bl_buf *why);
bool bl_setting_parse(struct bl_config *c, enum bl_option_id id, struct bl_str text, struct setting *out,
                      struct bl_buf *why);
enum bl_option_type bl_param_number(enum bl_param_type type);

/* A problem: "place: field: sentence". `place` and `field` may be empty; line 0: none. */
struct problems {
    struct bl_buf *out;
    size_t n;
    struct bl_buf why; /* room for the sentence of the next one */
};
void bl_problem(struct problems *p, const char *place, size_t line, const char *field);

/* Settings from the file (yaml.c, yaml_rules.c). Problems are gathered; what was right is set. */
void bl_config_file(struct bl_config *c, const char *path, struct problems *p);
void bl_source_put(struct bl_buf *b, const struct bl_config *c, const struct source *s, enum bl_option_id id);
/* `  # source` behind the line of `out` that began at `start` (print.c). */
void bl_source_comment(struct bl_buf *out, size_t start, const struct bl_config *c, const struct source *s,
                       enum bl_option_id id);
/* `,"source":"…"}` */
void bl_source_json(struct bl_buf *out, const struct bl_config *c, const struct source *s,
                    enum bl_option_id id);
/* The section `alerts` (print_alerts.c). */
void bl_alerts_print_yaml(const struct bl_config *c, bool sources, struct bl_buf *out);
void bl_alerts_print_json(const struct bl_config *c, struct bl_buf *out);
/* The section `rules` of a printed configuration (print_rules.c); sources may be NULL. */
void bl_rules_print_yaml(const struct bl_settings *s, const struct bl_config *sources, struct bl_buf *out);
void bl_rules_print_json(const struct bl_config *c, struct bl_buf *out);
/* What no single value can tell (check.c). */
void bl_config_check(const struct bl_config *c, struct problems *p);
/* The same of the rules, each for itself: looked at even if there are problems elsewhere. */
void bl_config_check_rules(const struct bl_config *c, struct problems *p);

#endif
