/* libh2o calls its parser through the dynamic linker, and these definitions come first: so requests are read by head.c
 * and chunks.c from their first byte, before h2o acts on anything. h2o's own lets through what request smuggling is made
 * of, and answers what it refuses by itself, in plain text.
 *
 * A head that is refused is handed to h2o as a request without headers for one of the targets below, which no client can
 * name: the address tells bl_request_enter what to answer, in our form, before the connection ends.
 *
 * That libh2o binds to these is checked when a request comes (bl_parser_heads), and by tests/e2e/test_malformed.c. */
#include "parser.h"

#include <sys/types.h>

#define EXPORTED __attribute__((visibility("default"), used))

/* The callers' idea of it. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer, hex_count, state;
};

_Static_assert(sizeof(struct phr_header) == sizeof(struct bl_head_line), "one layout");
_Static_assert(sizeof(struct phr_chunked_decoder) == sizeof(struct bl_chunks), "one layout");

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);

#define F(name, err, text) '/',
static const char targets[BL_HEAD_FAULT_COUNT] = {'/', BL_HEAD_FAULTS(F)};
#undef F
static uint64_t heads;

enum bl_head_fault bl_parser_fault(const char *target)
{
    uintptr_t at = (uintptr_t)target - (uintptr_t)targets;
    return at < BL_HEAD_FAULT_COUNT ? (enum bl_head_fault)at : BL_HEAD_OK;
}

uint64_t bl_parser_heads(void)
{
    return heads;
}

EXPORTED int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                               const char **path, size_t *path_len, int *minor_version,
                               struct phr_header *headers, size_t *num_headers, size_t last_len)
{
    union {
        struct phr_header *out;
        struct bl_head_line *lines;
    } room = {headers};
    struct bl_head h;
    enum bl_head_state state =
        bl_head_read((struct bl_str){buf, len}, last_len, &h, room.lines, *num_headers);
    if (state == BL_HEAD_PART)
        return -2;
    heads++;
    if (state == BL_HEAD_BAD) {
        h.method = BL_STR("GET");
        h.target = (struct bl_str){targets + h.fault, 1};
        h.minor = 1;
        h.bytes = len;
        h.lines_n = 0;
    }
    *method = h.method.p;
    *method_len = h.method.n;
    *path = h.target.p;
    *path_len = h.target.n;
    *minor_version = h.minor;
    *num_headers = h.lines_n;
    return (int)h.bytes;
}

EXPORTED ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz)
{
    union {
        struct phr_chunked_decoder *in;
        struct bl_chunks *chunks;
    } d = {decoder};
    return bl_chunks_read(d.chunks, buf, bufsz);
}
