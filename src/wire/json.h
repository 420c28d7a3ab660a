/* JSON as the wire layer sees it: simdjson's DOM behind a C face. A value is a place in the parser's
 * document; it is good until the parser's next parse. Strict JSON in UTF-8, but for duplicate keys, which
 * simdjson lets pass. */
#ifndef BL_WIRE_JSON_H
#define BL_WIRE_JSON_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum bl_json_type {
    BL_JSON_NULL,
    BL_JSON_BOOL,
    BL_JSON_INT,
    BL_JSON_UINT, /* above INT64_MAX */
    BL_JSON_DOUBLE,
    BL_JSON_STRING,
    BL_JSON_ARRAY,
    BL_JSON_OBJECT
};

struct bl_json { /* opaque */
    const void *document;
    size_t at;
};

/* A walk over an array or an object. */
struct bl_json_walk { /* opaque */
    struct bl_json here, end;
};

struct bl_json_parser;

BL_CHECKED enum bl_err bl_json_parser_new(struct bl_json_parser **out);
void bl_json_parser_free(struct bl_json_parser *p);
/* BL_ERR_INVALID_JSON with a static sentence in *why, or BL_ERR_NO_MEMORY. Copies the text; no bound on
 * depth. */
BL_CHECKED enum bl_err bl_json_parse(struct bl_json_parser *p, struct bl_str text, struct bl_json *out,
                                     const char **why);

enum bl_json_type bl_json_type(struct bl_json v);
/* A value of another type gives empty, false or 0; a number of any kind reads as a double. */
struct bl_str bl_json_str(struct bl_json v);
bool bl_json_bool(struct bl_json v);
int64_t bl_json_int(struct bl_json v);
double bl_json_double(struct bl_json v);

struct bl_json_walk bl_json_array(struct bl_json v);
struct bl_json_walk bl_json_object(struct bl_json v);
/* The next element or member; false at the end. */
bool bl_json_next(struct bl_json_walk *w, struct bl_json *value);
bool bl_json_next_member(struct bl_json_walk *w, struct bl_str *key, struct bl_json *value);

#ifdef __cplusplus
}
#endif
#endif
