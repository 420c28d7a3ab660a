/* The open group of a group commit: lines gathered by partition and cut into stream entries. */
#ifndef BL_APP_GROUP_H
#define BL_APP_GROUP_H

#include "bl/app/ingest.h"
#include "bl/base/limits.h"

struct bl_group_cut {
    int partition;
    size_t from, to; /* in the partition's text */
    size_t events;
};

struct bl_group {
    struct bl_buf text[BL_PARTITIONS_MAX];
    size_t open[BL_PARTITIONS_MAX]; /* the cut that still takes lines, + 1; 0: none */
    struct bl_group_cut *cuts;
    struct bl_append_entry *entries; /* scratch for bl_group_entries, as long as cuts */
    size_t cuts_n, cuts_cap;
    size_t bytes, events;
};

void bl_group_init(struct bl_group *g);
void bl_group_release(struct bl_group *g);
/* A request gets in as a whole or not at all: room for all of it first (its events; in each partition its lines with a byte
 * more for each), then every line, which cannot fail. */
BL_CHECKED enum bl_err bl_group_reserve(struct bl_group *g, size_t events);
BL_CHECKED enum bl_err bl_group_make_room(struct bl_group *g, int partition, size_t bytes);
void bl_group_add(struct bl_group *g, int partition, struct bl_str line);
/* The entries, in the order in which they were begun; borrowed until the group changes. */
const struct bl_append_entry *bl_group_entries(struct bl_group *g, size_t *n);
/* Empties it and keeps the memory. */
void bl_group_clear(struct bl_group *g);

#endif
