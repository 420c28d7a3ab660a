/* The settings of detection as JSON: the form in which a data set keeps its rules and in which a change of them travels
 * through the stream. All of them are written, in the order of core/tunable.h; times in ms:
 *
 *   {"session-timeout":1800000,"twin":1000,"rules":{"hesitation":{"enabled":true,"weight":10,"low":10000,…},…}}
 *
 * What is read back is checked as a configuration file is: types, ranges, the order of levels. A program older or newer
 * than the one that wrote it takes what it knows: names it does not know are told and passed over, and what is missing
 * has the default, whatever this process' own file says, so that all processes of one version agree. */
#ifndef BL_WIRE_RULES_H
#define BL_WIRE_RULES_H

#include "bl/base/buf.h"
#include "bl/core/settings.h"

#define BL_RULES_MAX_BYTES (256 * 1024) /* of the JSON */

struct bl_rules; /* settings together with the memory of their lists */

void bl_rules_write(const struct bl_settings *s, struct bl_buf *out);
/* BL_ERR_CORRUPT: this cannot be in force; `why` gets a sentence. BL_OK: `why` names what was passed over, if
 * anything. grace_ms and floor_ms are the defaults of live time. Gives *out. */
BL_CHECKED enum bl_err bl_rules_read(struct bl_str text, struct bl_rules **out, struct bl_buf *why);
/* Borrowed. */
const struct bl_settings *bl_rules_settings(const struct bl_rules *r);
/* NULL is fine. */
void bl_rules_free(struct bl_rules *r);

/* One value as JSON. */
void bl_rules_write_value(enum bl_param_type type, const union bl_value *v, struct bl_buf *out);

#endif
