/* What the files of `behaviorlens inspect` share: one connection, a loop that runs until the answer is
 * printed. */
#ifndef BL_MAIN_INSPECT_H
#define BL_MAIN_INSPECT_H

#include "bl/app/query.h"
#include "bl/base/magic.h"

#define INSPECT_MAGIC BL_MAGIC('i', 'n', 's', 'p')

struct inspect {
    uint32_t magic;
    const struct bl_reads *reads;
    struct bl_queries *queries;
    const char *what, *id; /* id: "" if none was given */
    const char *columns;   /* of a list; NULL: no list */
    bool json;
    int status;
    bool done;
};

/* Ends the loop; `complaint` (may be NULL) goes to standard error and makes the status 1. */
void inspect_end(struct inspect *i, const char *complaint);
/* Writes to standard output; ends with a complaint if that fails. */
void inspect_print(struct inspect *i, struct bl_str text);

/* The entries of all streams, in order of id, as NDJSON. */
void inspect_entries(struct inspect *i);

/* A JSON list as a table; `columns` are names of members, '@' before one that is a time. */
void inspect_table(struct bl_str json, const char *columns, struct bl_buf *out);

#endif
