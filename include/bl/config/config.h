/* Reading, explaining and printing the configuration: what main needs and nobody else. */
#ifndef BL_CONFIG_CONFIG_H
#define BL_CONFIG_CONFIG_H

#include "bl/config/settings.h"

struct bl_config_input {
    unsigned command;         /* one of enum bl_option_for */
    const char *command_name; /* for messages */
    char **env;               /* NAME=value …, NULL at the end */
};

/* Reads defaults, the file named by --config, environment and flags of argv[0..*argc-1]; what is no option is
 * moved to the front of argv and counted in *argc. Nothing is applied unless everything is right: else
 * BL_ERR_CONFIG, *out is NULL and `problems` has a line for each thing wrong. With BL_OK its lines are warnings: of
 * environment variables that look like misspelt options. */
BL_CHECKED enum bl_err bl_config_read(const struct bl_config_input *in, int *argc, char **argv,
                                      struct bl_config **out, struct bl_buf *problems);

/* The effective configuration, as YAML that can be read again. With `sources`, a comment tells where each
 * value comes from. */
void bl_config_print_yaml(const struct bl_config *c, bool sources, struct bl_buf *out);
void bl_config_print_json(const struct bl_config *c, struct bl_buf *out);

/* The settings of detection alone, as YAML that can be read again; and one of them. */
void bl_config_print_rules(const struct bl_settings *s, struct bl_buf *out);
void bl_config_print_value(enum bl_param_type type, const union bl_value *v, struct bl_buf *out);
/* The names of what is set but has nothing to do with detection, with commas between them. */
void bl_config_others(const struct bl_config *c, struct bl_buf *out);

/* Nobody has set it. */
bool bl_config_is_default(const struct bl_config *c, enum bl_option_id id);

/* The options of a command (or of several), in groups, aligned. */
void bl_config_help(unsigned commands, struct bl_buf *out);

#endif
