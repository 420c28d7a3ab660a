/* A YAML file while it is read: its nodes carry the line they stand on, which every problem names. */
#ifndef BL_CONFIG_DOCUMENT_H
#define BL_CONFIG_DOCUMENT_H

#include "internal.h"

#include <yaml.h>

#define FIELD_MAX_BYTES 256

struct yaml_file {
    yaml_document_t doc;
    const char *path; /* lives as long as the configuration */
    struct bl_config *c;
    struct problems *p;
};

/* A member of a mapping: `field` is its full name, `line` where it stands. `value` is never NULL. */
struct yaml_member {
    struct bl_str key;
    const char *field;
    size_t line;
    yaml_node_t *value;
};

typedef void yaml_member_fn(struct yaml_file *f, const struct yaml_member *m, void *ctx);

/* Calls fn for each member of the mapping, whose own name is `field` ("" at the top). Keys that are no text
 * or stand twice are problems; a member without a value counts as absent. */
void bl_yaml_members(struct yaml_file *f, yaml_node_t *node, const char *field, yaml_member_fn *fn,
                     void *ctx);
/* False (and a problem) if the member is no single value. */
bool bl_yaml_text(struct yaml_file *f, const struct yaml_member *m, struct bl_str *out);
void bl_yaml_problem(struct yaml_file *f, size_t line, const char *field);
/* Problem: no such name here; `names` are those that there are. */
void bl_yaml_unknown(struct yaml_file *f, const struct yaml_member *m, const char *const *names, size_t n);
size_t bl_yaml_line(const yaml_node_t *node);

/* The section `rules` (yaml_rules.c). */
void bl_yaml_rules(struct yaml_file *f, yaml_node_t *node);
/* The section `alerts` (yaml_alerts.c). */
void bl_yaml_alerts(struct yaml_file *f, yaml_node_t *node);

#endif
