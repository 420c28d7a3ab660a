/* A user's state in its stored form: a few fields of a Redis hash, each text a person can read (the README has the
 * table), each written only when it changed (SPEC 7.1). An event mostly changes one field: the head, in which the window's
 * latest events stand, until they are BL_WINDOW_CHUNK and become a field that is never written again. Names of pages are
 * written once and told by number elsewhere. */
#ifndef BL_WIRE_STATE_H
#define BL_WIRE_STATE_H

#include "bl/base/buf.h"
#include "bl/core/user.h"

#define BL_STATE_CHUNKS     (BL_WINDOW_KEEP / BL_WINDOW_CHUNK + 2)
#define BL_STATE_FIELDS_MAX (4 + BL_STATE_CHUNKS)

struct bl_state_field {
    const char *name;    /* static */
    struct bl_str value; /* n == 0: the field is absent */
};

/* What the store holds of one user, as far as it must be known to write only what changed. Zeroed: nothing. */
struct bl_state_stored {
    bool any;            /* there is a hash */
    bool known;          /* of what is told here, and nothing else */
    uint16_t renumbered; /* the names' numbering */
    uint64_t
        names; /* which stand there, by bits; if there are more than 64 in all: a hash of the text; 0: absent */
    uint64_t visits, open;  /* hashes of the texts; 0: absent */
    int64_t base_ms;        /* times count from here */
    int64_t first, moments; /* the window's first moment, and the one behind its last, by number */
    int64_t last_ms;        /* t of its last moment */
};

struct bl_state_changes {
    bool replace; /* what is stored has to go before: nobody knows what it is */
    size_t n_set, n_del;
    struct bl_state_field set[BL_STATE_FIELDS_MAX];
    const char *del[BL_STATE_FIELDS_MAX];
};

/* All fields the state could have, always the same number in the same order: BL_STATE_FIELDS_MAX. Values
 * point into `text`, which is cleared first; valid until it changes. */
BL_CHECKED enum bl_err bl_state_encode(const struct bl_user *u, struct bl_buf *text,
                                       struct bl_state_field out[BL_STATE_FIELDS_MAX]);
/* Only what has to be written so that the store holds the state, given what it holds; *stored is what it holds then. The
 * head is always among it. Not for a user who is gone. */
BL_CHECKED enum bl_err bl_state_changes(const struct bl_user *u, struct bl_state_stored *stored,
                                        struct bl_buf *text, struct bl_state_changes *out);

struct bl_state_pair {
    struct bl_str name, value;
};

/* Reads the fields back, in any order; unknown names are ignored. BL_ERR_CORRUPT if the text is not a state:
 * every number and index is checked, so that hostile bytes can do no harm. No pair at all gives an empty
 * state. Also reads the forms that data sets of versions 1 and 2 were written in (state_version1.c, state_version2.c).
 * `stored` (may be NULL): what the store holds, if it is these pairs and nothing else. */
struct bl_state_decoder;
BL_CHECKED enum bl_err bl_state_decoder_new(struct bl_state_decoder **out);
void bl_state_decoder_free(struct bl_state_decoder *d);
BL_CHECKED enum bl_err bl_state_decode(struct bl_state_decoder *d, struct bl_user *u,
                                       const struct bl_state_pair *pairs, size_t n,
                                       struct bl_state_stored *stored);

#endif
