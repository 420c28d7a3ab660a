/* The log: one JSON object a line on standard error. Values are escaped by the logger; pass data as fields,
 * never as the message. No key, address or metadata value may be logged.
 *
 *   bl_log(BL_LOG_WARN, "lease lost", BL_LOG_INT("partition", p), BL_LOG_TEXT("owner", owner)); */
#ifndef BL_BASE_LOG_H
#define BL_BASE_LOG_H

#include "bl/base/str.h"

enum bl_log_level { BL_LOG_DEBUG, BL_LOG_INFO, BL_LOG_WARN, BL_LOG_ERROR };

struct bl_log_field {
    const char *name; /* NULL ends the list */
    enum { BL_LOG_KIND_INT, BL_LOG_KIND_STR } kind;
    int64_t i;
    struct bl_str s;
};

#define BL_LOG_INT(name, v)  ((struct bl_log_field){(name), BL_LOG_KIND_INT, (int64_t)(v), {NULL, 0}})
#define BL_LOG_STR(name, v)  ((struct bl_log_field){(name), BL_LOG_KIND_STR, 0, (v)})
#define BL_LOG_TEXT(name, z) ((struct bl_log_field){(name), BL_LOG_KIND_STR, 0, bl_str_of(z)})

/* What this process calls itself in each line, and the least level that is written. `role` is borrowed. */
void bl_log_setup(const char *role, enum bl_log_level least);
/* Would it be written? For what is told often: making its fields costs, too. */
bool bl_log_says(enum bl_log_level level);
void bl_log_write(enum bl_log_level level, const char *message, const struct bl_log_field *fields);

/* At least one field; bl_log_plain where there is none. */
#define bl_log(level, message, ...)                                                                          \
    bl_log_write((level), (message), (const struct bl_log_field[]){__VA_ARGS__, {0}})
#define bl_log_plain(level, message) bl_log_write((level), (message), (const struct bl_log_field[]){{0}})

#endif
