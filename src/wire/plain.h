/* A plain event at work (plain.c): read in one pass, and written as its canonical line without another (plain_line.c). */
#ifndef BL_WIRE_PLAIN_H
#define BL_WIRE_PLAIN_H

#include "decoder.h"

struct bl_plain {
    const char *start, *end; /* end: behind what was read */
    bool canonical;
    bool spread;        /* there are blanks inside metadata */
    struct bl_record r; /* of a batch */
    struct bl_record *
        to; /* where it is read to, which need not be r: to copy it right after costs as much as five fields */
    struct bl_facts facts;
    int64_t duration;
    unsigned seen;                     /* a bit for each enum bl_field */
    struct bl_str raw[BL_FIELD_COUNT]; /* values as they stand in the text, where seen */
};

/* One event at the beginning of the text; what follows it is not looked at. False: not plain, or not an event. */
bool bl_plain_read(struct bl_decoder *d, struct bl_str text, bool canonical, struct bl_plain *g,
                   struct bl_record *out) __attribute__((warn_unused_result));
/* A client's event: may its line be made from the text as it stands? (No: the whole way has something to cut or say.) */
bool bl_plain_is_ours(const struct bl_plain *g, const struct bl_decode_options *options);
/* A whole batch of clean ones, into d->plains; *sent_at_ms: -1 if it has none. False: the whole way. */
bool bl_plain_batch(struct bl_decoder *d, struct bl_str body, const struct bl_decode_options *options,
                    int64_t *sent_at_ms) __attribute__((warn_unused_result));
/* Ends what bl_plain_read began: event_id, sent_at, the canonical line in d->line. */
enum bl_err bl_plain_line(struct bl_decoder *d, const struct bl_plain *g,
                          const struct bl_decode_options *options, int64_t sent_at_ms, struct bl_record *out);

#endif
