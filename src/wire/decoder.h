/* What the files of the decoder share. */
#ifndef BL_WIRE_DECODER_H
#define BL_WIRE_DECODER_H

#include "bl/base/limits.h"
#include "bl/wire/decode.h"
#include "json.h"

/* The fields of an event in the order of the canonical line: BL_FIELD(ID, name, may a client send it). What a
 * client may not send is an unknown field like any other. */
#define BL_FIELDS(X)                                                                                         \
    X(USER_ID, "user_id", true)                                                                              \
    X(ACTION, "action", true)                                                                                \
    X(PAGE, "page", true)                                                                                    \
    X(EVENT_ID, "event_id", true)                                                                            \
    X(TIMESTAMP, "timestamp", true)                                                                          \
    X(SENT_AT, "sent_at", false)                                                                             \
    X(SESSION_ID, "session_id", true)                                                                        \
    X(DURATION, "duration", true)                                                                            \
    X(METADATA, "metadata", true)                                                                            \
    X(COUNTRY, "country", true)                                                                              \
    X(DEVICE, "device", true)                                                                                \
    X(USER_AGENT, "user_agent", true)                                                                        \
    X(IP_ADDRESS, "ip_address", true)                                                                        \
    X(REFERRER, "referrer", true)                                                                            \
    X(TITLE, "title", true)                                                                                  \
    X(MADE_ID, "made_id", false)

#define BL_FIELD_ENUM(id, name, sent) BL_FIELD_##id,
enum bl_field { BL_FIELDS(BL_FIELD_ENUM) BL_FIELD_COUNT };
#undef BL_FIELD_ENUM

const char *bl_field_name(enum bl_field field);
/* BL_FIELD_COUNT if there is none of that name. */
enum bl_field bl_field_of(struct bl_str name);
bool bl_field_sent(enum bl_field field);

/* A top-level member of the event at hand. raw.p == NULL: absent. */
struct bl_member_text {
    struct bl_str key, raw;
    struct bl_json v;
    unsigned depth; /* of the deepest container in it, the event being 1; 1: a scalar */
};

struct bl_decoder {
    struct bl_json_parser *parser;
    struct bl_buf line, page, address, metadata; /* parts of the record at hand */
    struct bl_buf stack, keys;                   /* scratch of the checks */
    struct bl_buf unknown; /* struct bl_member_text: unknown fields of the event at hand */
    struct bl_buf slices;  /* struct bl_str: the events of a batch */
    struct bl_buf plains;  /* struct bl_plain: those of a plain one */
    struct bl_member_text field[BL_FIELD_COUNT];
    struct bl_problem problem;
    char made_id[36];
    /* plain.c: the field that came behind each in an event before; the last: which came first */
    unsigned char after[BL_FIELD_COUNT + 1];
    unsigned char other[BL_FIELD_COUNT + 1]; /* plain.c: the one that came there before that */
    unsigned char actions[64];               /* plain.c: the action that a name of such a look was */
};

/* event.c: one event. On an error d->problem says why. */
BL_CHECKED enum bl_err bl_event_decode(struct bl_decoder *d, struct bl_str text,
                                       const struct bl_decode_options *options, int64_t sent_at_ms,
                                       struct bl_record *out);

/* check.c: no key twice in this object itself. */
BL_CHECKED enum bl_err bl_check_keys(struct bl_decoder *d, struct bl_json object, struct bl_problem *problem);
/* Duplicate keys and depth of a value at `level` (the event is 1); *deepest is raised to what it finds. */
BL_CHECKED enum bl_err bl_check_value(struct bl_decoder *d, struct bl_json v, unsigned level,
                                      unsigned *deepest, struct bl_problem *problem);
/* A timestamp as SPEC 2.1 has it: integer or RFC 3339, within range. */
BL_CHECKED enum bl_err bl_check_time(struct bl_json v, const char *field, int64_t *out_ms,
                                     struct bl_problem *problem);
/* Fills *problem (fmt NULL: the error's own text), gives err back. */
enum bl_err bl_problem_set(struct bl_problem *problem, enum bl_err err, struct bl_str field, const char *fmt,
                           ...) __attribute__((format(printf, 4, 5)));
/* Input as it may be quoted: cut, and without what could spoil a line. */
#define BL_QUOTE_BYTES 64
const char *bl_quote(struct bl_str s, char out[BL_QUOTE_BYTES]);

/* For whoever sent NDJSON as something else, or without its line ends. */
#define BL_LINES_HINT                                                                                        \
    "Several events, one per line, go to /events/batch with Content-Type: application/x-ndjson; curl needs " \
    "--data-binary, as -d takes the line ends away."

/* plain.c: bl_record_read of a line without anything unusual in it; false: read it the whole way. */
bool bl_record_plain(struct bl_decoder *d, struct bl_str line, struct bl_record *out);

/* facts.c: what rules read of the metadata. Start with bl_facts_begin, then each member, then bl_facts_end.
 */
struct bl_facts {
    struct bl_event *event;
    bool has_x, has_y;
    int64_t duration_ms; /* metadata.duration_ms; -1: none */
};
void bl_facts_begin(struct bl_facts *f, struct bl_event *event);
void bl_facts_member(struct bl_facts *f, struct bl_str key, struct bl_json v);
/* `duration` is the event's own; a value that is no number counts as none. */
void bl_facts_end(struct bl_facts *f, const struct bl_json *duration);

/* canonical.c: the line. `texts` holds the values of text fields by number, empty ones are left out. */
void bl_line_write(struct bl_decoder *d, const struct bl_record *r,
                   const struct bl_str texts[BL_FIELD_COUNT]);

#endif
