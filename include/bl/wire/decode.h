/* Events from outside: any bytes in, validated and normalised records out (SPEC 2.1, 2.2). Parsing is
 * simdjson's, behind a thin C shim; the rules of SPEC 2.1 that a JSON parser does not know (duplicate keys,
 * depth, lengths, pages, addresses) are checked here. One decoder per process; it owns its scratch memory. */
#ifndef BL_WIRE_DECODE_H
#define BL_WIRE_DECODE_H

#include "bl/base/buf.h"
#include "bl/base/limits.h"
#include "bl/core/event.h"

struct bl_decoder;

/* What is wrong with one event or body: enough for the error object of SPEC 2.4. */
struct bl_problem {
    enum bl_err err;
    char field[64];     /* "" if no single field is to blame */
    char message[1024]; /* what to do; UTF-8, may quote (cut and cleaned) input */
};

/* An event as it travels: what the rules need, decoded, and the canonical line that stands in the stream. */
struct bl_record {
    struct bl_event event; /* t_ms is not set: time is decided where `received` is known */
    struct bl_str user_id, event_id;
    bool made_id;         /* the server made event_id: it is not remembered (SPEC 2.7) */
    int64_t timestamp_ms; /* -1: none */
    int64_t sent_at_ms;   /* -1: none */
    struct bl_str line;   /* canonical JSON object on one line, without the newline */
};

enum bl_body_kind { BL_BODY_EVENT, BL_BODY_BATCH, BL_BODY_NDJSON };

struct bl_decode_options {
    size_t max_events;     /* of a batch */
    bool timestamp_needed; /* event mode (SPEC 3.1): an event without one is rejected */
    /* Makes an event_id (36 bytes of UUIDv7 text) where the client sent none. */
    void (*make_id)(void *ctx, char out[36]);
    void *ctx;
};

/* Called once per event of a body, in order. Exactly one of `record` and `problem` is not NULL. `raw` is the
 * event as sent (for the stream of bad events). Everything is borrowed for the length of the call. */
typedef void bl_decoded_fn(void *ctx, size_t index, const struct bl_record *record,
                           const struct bl_problem *problem, struct bl_str raw);

BL_CHECKED enum bl_err bl_decoder_new(struct bl_decoder **out);
void bl_decoder_free(struct bl_decoder *d);

/* Decodes a whole body. An error (the text is no JSON, too many events) means fn was not called at all and
 * *problem says why; otherwise each event stands alone. */
BL_CHECKED enum bl_err bl_decode_body(struct bl_decoder *d, enum bl_body_kind kind, struct bl_str body,
                                      const struct bl_decode_options *options, bl_decoded_fn *fn, void *ctx,
                                      struct bl_problem *problem);

/* A recorded event, with a timestamp, if there is nothing unusual in it, many times faster than bl_decode_body. True: it
 * is valid, and *out is what bl_decode_body makes of it, but without an event_id where none was sent and without
 * the canonical line; it borrows from the text. False: bl_decode_body has to look, nothing is known. */
bool bl_decode_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out)
    __attribute__((warn_unused_result));
/* The same of the line that the text begins with, whose end need not be looked for before. Its bytes with its end; 0: it is
 * none of ours, or its end is not there. */
size_t bl_decode_plain_first(struct bl_decoder *d, struct bl_str text, struct bl_record *out)
    __attribute__((warn_unused_result));

/* Reads a canonical line back (worker side): BL_ERR_CORRUPT if it is none. *out borrows from d and line. */
BL_CHECKED enum bl_err bl_record_read(struct bl_decoder *d, struct bl_str line, struct bl_record *out);

/* SPEC 2.1: cuts scheme, host, query, fragment and trailing '/', adds a missing first '/'. Appends to out. */
void bl_page_normalise(struct bl_str page, struct bl_buf *out);
/* RFC 3339 to ms since 1970; false if it is not one. */
bool bl_time_parse(struct bl_str s, int64_t *out_ms) __attribute__((warn_unused_result));
/* Redacts one rejected event for keeping (SPEC 2.6): strings over 64 bytes, addresses and queries go, at most
 * BL_BAD_EVENT_MAX_BYTES. Input may be any bytes; the output is UTF-8. */
void bl_redact(struct bl_str raw, struct bl_buf *out);
/* The same for the field and the message of a struct bl_problem, which may quote input. */
void bl_redact_field(struct bl_str field, struct bl_buf *out);
void bl_redact_message(struct bl_str message, struct bl_buf *out);

/* Who an event is of that need not be a good one: its user_id, if it is a JSON object that has one. Costs a parse. */
BL_CHECKED bool bl_event_user(struct bl_str text, char out[BL_USER_ID_MAX_BYTES], size_t *n);
/* Whom a text names that need not be JSON at all: `is` is asked of each value that follows the word user_id, escapes undone,
 * until it says yes; a value may come again. true: it did, or the word stands where only a parser, or nobody, could tell
 * its value. */
bool bl_text_users(struct bl_str text, bool (*is)(void *ctx, struct bl_str user_id), void *ctx);

#endif
