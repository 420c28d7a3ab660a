/* A user's state in its stored form: a few fields of a Redis hash, each text a person can read, each written
 * only when it changed (SPEC 7.1). The page is a plain string; the rest is compact JSON. The window of events
 * is cut into chunks of BL_WINDOW_CHUNK with a field each, so that one event rewrites one small field. */
#ifndef BL_WIRE_STATE_H
#define BL_WIRE_STATE_H

#include "bl/base/buf.h"
#include "bl/core/user.h"

#define BL_STATE_CHUNKS     (BL_WINDOW_KEEP / BL_WINDOW_CHUNK + 2)
#define BL_STATE_FIELDS_MAX (6 + BL_STATE_CHUNKS)

struct bl_state_field {
    const char *name;    /* static */
    struct bl_str value; /* n == 0: the field is absent (delete it) */
};

/* All fields the state could have, always the same number in the same order: BL_STATE_FIELDS_MAX. Values
 * point into `text`, which is cleared first; valid until it changes. */
BL_CHECKED enum bl_err bl_state_encode(const struct bl_user *u, struct bl_buf *text,
                                       struct bl_state_field out[BL_STATE_FIELDS_MAX]);

struct bl_state_pair {
    struct bl_str name, value;
};

/* Reads the fields back, in any order; unknown names are ignored. BL_ERR_CORRUPT if the text is not a state:
 * every number and index is checked, so that hostile bytes can do no harm. No pair at all gives an empty
 * state. */
struct bl_state_decoder;
BL_CHECKED enum bl_err bl_state_decoder_new(struct bl_state_decoder **out);
void bl_state_decoder_free(struct bl_state_decoder *d);
BL_CHECKED enum bl_err bl_state_decode(struct bl_state_decoder *d, struct bl_user *u,
                                       const struct bl_state_pair *pairs, size_t n);

#endif
