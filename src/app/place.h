/* Places in all partitions' change feeds, as text: the id of an event (SPEC 6). */
#ifndef APP_PLACE_H
#define APP_PLACE_H

#include "bl/base/buf.h"
#include "bl/base/limits.h"

/* Id of a feed's entry; {0, 0}: before the first. `mark` tells whether it is still the same entry (feed_place.lua); it is
 * no part of the order. */
struct place {
    uint64_t ms, seq;
    uint8_t mark;
};

#define PLACE_TEXT 48
/* "ms-seq" */
struct bl_str place_text(struct place at, char out[PLACE_TEXT]);
/* false: no entry's id. The mark is 0. */
bool place_read(struct bl_str text, struct place *out);
/* The first byte of its pattern's id; 0: it names none. */
uint8_t place_mark(struct bl_str pattern_id);
int place_cmp(struct place a, struct place b);

/* Compact: the latest time in base 36, then for each partition how much earlier it is, and `_` with seq and mark in
 * one number where that is not 0; `-` for {0, 0}; with dots between. */
void places_write(const struct place *at, int partitions, struct bl_buf *out);
/* The number of partitions read, or 0: not a text of places_write. */
int places_read(struct bl_str text, struct place at[BL_PARTITIONS_MAX]);

#endif
