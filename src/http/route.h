/* What a call of the HTTP side is written against: the route table, the request, the answers. Everything of
 * h2o stays behind it but for the event stream (bl_request_h2o).
 *
 * A handler answers exactly once, at once or later (when a reply of the store has come). The bl_request lives
 * until it is answered even if the client goes away and h2o's request dies meanwhile: an answer to nobody is
 * dropped. Path arguments and query values live as long as the bl_request; body and headers are h2o's and
 * must be used or copied before the handler returns. After the answer the bl_request must not be touched. */
#ifndef BL_HTTP_ROUTE_H
#define BL_HTTP_ROUTE_H

#include "bl/app/answer.h"
#include "bl/base/buf.h"
#include "bl/base/err.h"
#include "bl/base/hash.h"
#include "bl/http/server.h"
#include "target.h"

#define BL_KEY_ID_BYTES 16

struct bl_request;
typedef void bl_handler_fn(struct bl_request *r, void *ctx);

/* static const struct bl_route routes[] = {{"GET", "/api/patterns/{id}", get_pattern, BL_ACCESS_READ}, …};
 * A segment in braces takes exactly one non-empty segment of the raw path, percent-decoded after the split
 * (so that an id may hold %2F). Text segments match the raw bytes. HEAD comes to the GET handler; OPTIONS is
 * answered by the server; a path known under another method gets 405 with Allow. Of two routes that match the
 * first added wins. */
struct bl_route {
    const char *method, *pattern;
    bl_handler_fn *handle;
    enum bl_access need;
};

/* --- the request */

/* The i-th segment in braces, decoded; may hold any byte. */
struct bl_str bl_request_arg(const struct bl_request *r, size_t i);
/* The raw path without the query. Only before the handler returns. */
struct bl_str bl_request_path(const struct bl_request *r);

/* Parses the query and checks that every name is in `names` (NULL-terminated; NULL: any) and occurs once, and
 * that values are well-escaped UTF-8 ('+' is a space). On an error it has answered 400 invalid_query and the
 * handler must return. A parameter `key` (SPEC 6) is always allowed. */
BL_CHECKED bool bl_request_query(struct bl_request *r, const char *const *names);
/* After bl_request_query: was it given, be it empty? */
bool bl_query_given(const struct bl_request *r, const char *name);
/* After bl_request_query. false: not given (or given empty). */
bool bl_query_text(const struct bl_request *r, const char *name, struct bl_str *out);
/* *value keeps its default where the parameter is absent. false: it was no integer in [min, max]; answered
 * with 400, the handler must return. */
BL_CHECKED bool bl_query_int(struct bl_request *r, const char *name, int64_t min, int64_t max,
                             int64_t *value);
/* Answers 400 invalid_query for parameter `name`. */
void bl_query_refuse(struct bl_request *r, const char *name, const char *message);

/* Only the head of the answer is wanted; bl_answer_* see to that. Only before the handler returns. */
bool bl_request_is_head(const struct bl_request *r);
/* name in lower case; empty if absent. Only before the handler returns. */
struct bl_str bl_request_header(const struct bl_request *r, const char *name);
/* What is sent, as its headers tell, but for `batch`. Only before the handler returns. */
struct bl_body_head;
void bl_request_body_head(const struct bl_request *r, struct bl_body_head *head);
/* The lines of a header from the last to the first; *at begins as SIZE_MAX. false: no more. Only before the handler
 * returns. */
bool bl_request_header_before(const struct bl_request *r, const char *name, size_t *at, struct bl_str *out);
/* The body held so many events, good and bad. Before the answer. */
void bl_request_spent(struct bl_request *r, size_t events);
/* Only before the handler returns. */
struct bl_str bl_request_body(const struct bl_request *r);
/* The longest body the server takes; a longer one may be at hand and is the handler's to refuse. */
size_t bl_request_body_max(const struct bl_request *r);
/* Who calls, as the guard of keys has found: the public id of the key (empty: none was needed or given). Lives as long
 * as r. */
struct bl_str bl_request_key(const struct bl_request *r);
/* For a guard; id is copied, at most BL_KEY_ID_BYTES. */
void bl_request_set_key(struct bl_request *r, struct bl_str id);
/* The other end of the connection, be it a proxy; false: not known. Only before the handler returns. */
struct sockaddr_storage;
bool bl_request_peer(const struct bl_request *r, struct sockaddr_storage *out);
/* The client is gone: no need to work on. */
bool bl_request_gone(const struct bl_request *r);

/* --- the answers: each ends the handler's hold on r */

/* Adds a header to the answer to come. name in lower case, static; value is copied. */
void bl_answer_header(struct bl_request *r, const char *name, struct bl_str value);
/* body is copied. */
void bl_answer_json(struct bl_request *r, int status, struct bl_str json);
/* 200 with an ETag made of `print`, or 304 if the client has it. The print is of the answer without what changes
 * each time (as_of), by a fixed key: the same from every process. Weak, as `json` may differ where that does not. */
void bl_answer_etag(struct bl_request *r, struct bl_str json, struct bl_hash128 print);
/* Has the client this tag already (If-None-Match)? Only before the handler returns. */
bool bl_etag_known(const struct bl_request *r, struct bl_str tag);
/* The error object of SPEC 2.4 with the status of `err`. field and message may be NULL: none, and the error's
 * own text. 503 and 429 carry Retry-After: 1, unless bl_answer_retry_after said more. */
void bl_answer_error(struct bl_request *r, enum bl_err err, const char *field, const char *message);
/* Retry-After for the answer to come, in whole seconds; those. */
int bl_answer_retry_after(struct bl_request *r, int64_t wait_ms);
/* Any other type: static files, text of /metrics. cache: value of Cache-Control, NULL: no-store. */
void bl_answer_bytes(struct bl_request *r, int status, const char *type, struct bl_str body,
                     const char *cache);

/* --- event streams (SPEC 6, GET /api/stream): an answer without an end.
 * bl_stream_start is the answer; from then on write until bl_stream_close or gone(ctx), whichever comes
 * first; gone(ctx) runs once if the client goes away (or the server stops), never after bl_stream_close. */
struct bl_stream;
/* NULL: the client is gone already; r is done with all the same. bytes_max: what may wait for a slow reader.
 */
struct bl_stream *bl_stream_start(struct bl_request *r, const char *type, size_t bytes_max,
                                  void (*gone)(void *ctx), void *ctx);
/* Copies. false: the reader is too slow (or gone) and has been dropped; gone() will not run any more. */
BL_CHECKED bool bl_stream_write(struct bl_stream *s, struct bl_str text);
void bl_stream_close(struct bl_stream *s);
/* Bytes that the reader has not taken yet, but for what the kernel holds. */
size_t bl_stream_waiting(const struct bl_stream *s);

#endif
