/* gzip (any number of members, as the specification allows) and deflate, which is zlib to the specification and bare
 * deflate to some clients. Memory grows with what comes out, and stops at the bound: a bomb costs what an honest body of
 * the largest size does. Whatever follows the end is an error: it would be lost without a word. */
#include "inflate.h"

#include <zlib.h>

#define MEMBERS_MAX 64
#define STEP_BYTES  ((size_t)64 * 1024)
#define GZIP_BITS   (15 + 16)
#define ZLIB_BITS   15
#define RAW_BITS    (-15)

bool bl_inflate_is_gzip(struct bl_str in)
{
    return in.n >= 2 && (unsigned char)in.p[0] == 0x1f && (unsigned char)in.p[1] == 0x8b;
}

static bool is_zlib(struct bl_str in)
{
    if (in.n < 2)
        return false;
    unsigned first = (unsigned char)in.p[0], second = (unsigned char)in.p[1];
    return (first & 15) == Z_DEFLATED && (first * 256 + second) % 31 == 0;
}

/* A step into the room that is left; into one byte of our own when there is none, to see whether more comes. */
static enum bl_err step(z_stream *z, size_t max, struct bl_buf *out, size_t begin, int *status)
{
    unsigned char spare;
    size_t left = max - (out->n - begin), room = left < STEP_BYTES ? left : STEP_BYTES;
    char *to = room ? bl_buf_reserve(out, room) : NULL;
    if (room && !to)
        return BL_ERR_NO_MEMORY;
    z->next_out = room ? (unsigned char *)to : &spare;
    z->avail_out = room ? (unsigned)room : 1;
    *status = inflate(z, Z_NO_FLUSH);
    if (room)
        out->n += room - z->avail_out;
    else if (z->avail_out == 0)
        return BL_ERR_BODY_TOO_LARGE;
    return BL_OK;
}

static const char *reason(const z_stream *z, int status)
{
    if (status == Z_BUF_ERROR || (status == Z_OK && z->avail_in == 0))
        return "The compressed body ends too early.";
    return "The compressed body is damaged.";
}

/* One stream to its end. */
static enum bl_err stream(z_stream *z, size_t max, struct bl_buf *out, size_t begin, const char **why)
{
    int status = Z_OK;
    do {
        enum bl_err err = step(z, max, out, begin, &status);
        if (err != BL_OK)
            return err;
    } while (status == Z_OK && (z->avail_in > 0 || z->avail_out == 0));
    if (status == Z_STREAM_END)
        return BL_OK;
    if (status == Z_MEM_ERROR)
        return BL_ERR_NO_MEMORY;
    *why = reason(z, status);
    return BL_ERR_INVALID_ENCODING;
}

static enum bl_err streams(z_stream *z, bool many, size_t max, struct bl_buf *out, const char **why)
{
    size_t begin = out->n;
    for (int members = 1;; members++) {
        enum bl_err err = stream(z, max, out, begin, why);
        if (err != BL_OK || z->avail_in == 0)
            return err;
        if (!many || !bl_inflate_is_gzip((struct bl_str){(const char *)z->next_in, z->avail_in})) {
            *why = "Something follows the end of the compressed body.";
            return BL_ERR_INVALID_ENCODING;
        }
        if (members == MEMBERS_MAX || inflateReset(z) != Z_OK) {
            *why = "The compressed body has more than 64 members.";
            return BL_ERR_INVALID_ENCODING;
        }
    }
}

enum bl_err bl_inflate(enum bl_packing packing, struct bl_str in, size_t max, struct bl_buf *out,
                       const char **why)
{
    union {
        const char *in;
        unsigned char *z; /* zlib does not write there */
    } bytes = {in.p};
    z_stream z = {.next_in = bytes.z, .avail_in = (unsigned)in.n};
    bool gzip = packing == BL_PACKING_GZIP;
    int bits = gzip ? GZIP_BITS : is_zlib(in) ? ZLIB_BITS : RAW_BITS;
    *why = NULL;
    if (in.n > UINT32_MAX)
        return BL_ERR_BODY_TOO_LARGE;
    if (inflateInit2(&z, bits) != Z_OK)
        return BL_ERR_NO_MEMORY;
    enum bl_err err = streams(&z, gzip, max, out, why);
    inflateEnd(&z);
    return err;
}
