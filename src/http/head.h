/* The head of a request and the framing of its body, read strictly (RFC 9112): what two readers could take for two
 * different things is refused, since one of them may be a proxy in front of us. Pure: no h2o, no allocation. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_HEAD_MAX_BYTES (64 * 1024)
/* Up to here a head that is too large is read on, so that the answer gets through: one who still writes does not read. */
#define BL_HEAD_READ_BYTES  (256 * 1024)
#define BL_HEAD_MAX_HEADERS 100

/* BL_HEAD_FAULT(NAME, error, what to do) */
#define BL_HEAD_FAULTS(F)                                                                                    \
    F(LINE, BAD_REQUEST, "The request line must be: METHOD /path HTTP/1.1, with one space between them.")    \
    F(METHOD, BAD_REQUEST, "The method must be a word of at most 32 letters.")                               \
    F(TARGET, BAD_REQUEST,                                                                                   \
      "The request target must be a path that begins with /, without spaces or controls.")                   \
    F(VERSION, BAD_REQUEST, "This server speaks HTTP/1.1 and HTTP/1.0.")                                     \
    F(LINE_END, BAD_REQUEST, "Each line of the head must end in CR LF.")                                     \
    F(NAME, BAD_REQUEST, "A header must be a name, a colon right behind it, and a value.")                   \
    F(VALUE, BAD_REQUEST, "A header's value holds a control character.")                                     \
    F(FOLD, BAD_REQUEST, "A header must stand on one line: folding is not taken.")                           \
    F(MANY, HEAD_TOO_LARGE, "A request may have at most 100 headers.")                                       \
    F(LARGE, HEAD_TOO_LARGE, "The request line and headers may have at most 64 KiB.")                        \
    F(LENGTH, BAD_REQUEST, "Content-Length must be a number of bytes, in digits.")                           \
    F(FRAMING, BAD_REQUEST, "Send one Content-Length or Transfer-Encoding header, not several.")             \
    F(CODING, BAD_REQUEST, "The only transfer coding taken is chunked, and only in HTTP/1.1.")               \
    F(NO_HOST, BAD_REQUEST, "HTTP/1.1 needs a Host header.")                                                 \
    F(HOSTS, BAD_REQUEST, "Send one Host header, not several.")                                              \
    F(HOST, BAD_REQUEST, "The Host header must be a host name or address, and a port.")

enum bl_head_fault {
    BL_HEAD_OK,
#define F(name, err, text) BL_HEAD_##name,
    BL_HEAD_FAULTS(F)
#undef F
        BL_HEAD_FAULT_COUNT
};

/* Laid out as the parser's callers have it: two runs of bytes. */
struct bl_head_line {
    struct bl_str name, value;
};

struct bl_head {
    struct bl_str method, target;
    int minor;    /* HTTP/1.minor */
    size_t bytes; /* of the head, its last empty line included */
    size_t lines_n;
    enum bl_head_fault fault;
};

enum bl_head_state { BL_HEAD_WHOLE, BL_HEAD_PART, BL_HEAD_BAD };

/* `in` begins with a head. `seen` of its bytes were looked at before and were not whole. lines has room for `lines_max`
 * headers. BL_HEAD_PART: more is needed. BL_HEAD_BAD: only out->fault is set. Borrows `in`. */
enum bl_head_state bl_head_read(struct bl_str in, size_t seen, struct bl_head *out,
                                struct bl_head_line *lines, size_t lines_max);
enum bl_err bl_head_fault_err(enum bl_head_fault fault);
const char *bl_head_fault_text(enum bl_head_fault fault);

/* --- a body in chunks */

/* Zeroed before the first call. */
struct bl_chunks {
    size_t left;  /* low half: bytes of this chunk; high half: of this line or of the trailer, so far */
    char trailer; /* the caller's wish; the trailer is always read */
    char digits;
    char state;
};

#define BL_CHUNKS_MORE ((ptrdiff_t)-2)
#define BL_CHUNKS_BAD  ((ptrdiff_t)-1)
/* Takes the framing out of the *n bytes at p, in place; *n becomes the bytes of body among them. At the end of the body:
 * how many bytes lie behind it. */
ptrdiff_t bl_chunks_read(struct bl_chunks *c, char *p, size_t *n);

#endif
