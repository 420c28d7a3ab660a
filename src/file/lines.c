/* Lines of a plain file or of gzip data, told apart by the first two bytes. A buffer holds at least one longest line. There
 * are two of them: when BL_LINES_STAY bytes of one are handed out, what is left goes to the front of the other, and the lines
 * before it stay where they are until that one is handed out as far. To copy those who wait cost 2 % of a replay.
 *
 *   plain:  file ──read──> buffer
 *   gzip:   file ──read──> raw ──inflate──> buffer      member after member, as `gzip -d` does
 *
 * zlib's gzread would do most of this, but it passes over what follows the gzip data without a word. */
#include "bl/file/lines.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER_BYTES (2 * BL_LINE_MAX_BYTES)
/* At a time: what was read should still be in the cache when it is looked at. */
#define READ_BYTES  (64 * 1024)
#define RAW_BYTES   (128 * 1024)
#define GZIP_WINDOW (15 + 16) /* the largest window, gzip's header and trailer */

enum kind { UNKNOWN, PLAIN, GZIP };

struct bl_lines {
    int fd;
    enum kind kind;
    int64_t size, done; /* of the file; done: read so far */
    char *buffer;       /* one of `buffers` */
    size_t from, to;    /* what of it is read and not handed out */
    bool end, skipping, failed, cut, garbage;
    bool between; /* gzip: a member has ended, none has begun */
    z_stream z;   /* its input is what is read and not inflated */
    unsigned char raw[RAW_BYTES];
    char buffers[2][BUFFER_BYTES];
};

enum bl_err bl_lines_open(const char *path, struct bl_lines **out)
{
    struct stat st;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return BL_ERR_IO;
    struct bl_lines *l = fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        if (S_ISDIR(st.st_mode))
            errno = EISDIR;
        close(fd);
        return BL_ERR_IO;
    }
    l->fd = fd;
    l->buffer = l->buffers[0];
    l->size = S_ISREG(st.st_mode) ? st.st_size : -1;
    *out = l;
    return BL_OK;
}

/* Up to n bytes of the file; 0: its end, or an error. */
static size_t pull(struct bl_lines *l, void *to, size_t n)
{
    ssize_t got;
    do
        got = read(l->fd, to, n);
    while (got < 0 && errno == EINTR);
    l->failed |= got < 0;
    l->done += got > 0 ? got : 0;
    return got > 0 ? (size_t)got : 0;
}

/* Reads on until `n` bytes of raw input are there, or the file has ended. */
static bool have_raw(struct bl_lines *l, size_t n)
{
    z_stream *z = &l->z;
    if (z->avail_in >= n)
        return true;
    memmove(l->raw, z->next_in, z->avail_in);
    z->next_in = l->raw;
    while (z->avail_in < n) {
        size_t got = pull(l, l->raw + z->avail_in, sizeof l->raw - z->avail_in);
        if (got == 0)
            return false;
        z->avail_in += (unsigned)got;
    }
    return true;
}

static bool at_gzip(struct bl_lines *l)
{
    return have_raw(l, 2) && l->z.next_in[0] == 0x1f && l->z.next_in[1] == 0x8b;
}

static void find_kind(struct bl_lines *l)
{
    l->z.next_in = l->raw;
    l->kind = at_gzip(l) ? GZIP : PLAIN;
    if (l->kind == GZIP && inflateInit2(&l->z, GZIP_WINDOW) != Z_OK) {
        l->kind = PLAIN; /* nothing to release */
        l->failed = true;
    }
}

static size_t read_plain(struct bl_lines *l, char *to, size_t room)
{
    size_t n = l->z.avail_in < room ? l->z.avail_in : room;
    if (n == 0)
        return pull(l, to, room);
    memcpy(to, l->z.next_in, n);
    l->z.next_in += n;
    l->z.avail_in -= (unsigned)n;
    return n;
}

/* A member has ended: does another follow? Zeros are padding (tapes, block devices); anything else was not meant
 * to be there. */
static bool next_member(struct bl_lines *l)
{
    if (at_gzip(l)) {
        l->between = false;
        return inflateReset(&l->z) == Z_OK;
    }
    while (!l->garbage && have_raw(l, 1)) {
        l->garbage = *l->z.next_in != 0;
        l->z.next_in++;
        l->z.avail_in--;
    }
    return false;
}

static size_t read_gzip(struct bl_lines *l, char *to, size_t room)
{
    z_stream *z = &l->z;
    z->next_out = (unsigned char *)to;
    z->avail_out = (unsigned)room;
    while (z->avail_out == room) {
        if (l->between && !next_member(l))
            return 0;
        if (!have_raw(l, 1)) {
            l->cut = !l->failed;
            l->failed = true;
            return 0;
        }
        int code = inflate(z, Z_NO_FLUSH);
        l->between = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END) {
            l->failed = true;
            return 0;
        }
    }
    return room - z->avail_out;
}

/* What is left goes to the front of the other buffer. */
static void turn(struct bl_lines *l)
{
    char *other = l->buffers[l->buffer == l->buffers[0]];
    memcpy(other, l->buffer + l->from, l->to - l->from);
    l->buffer = other;
    l->to -= l->from;
    l->from = 0;
}

static bool refill(struct bl_lines *l)
{
    if (l->end)
        return false;
    if (l->kind == UNKNOWN)
        find_kind(l);
    if (l->from >= BL_LINES_STAY)
        turn(l);
    size_t room = BUFFER_BYTES - l->to;
    room = room < READ_BYTES ? room : READ_BYTES;
    size_t n = l->failed         ? 0
               : l->kind == GZIP ? read_gzip(l, l->buffer + l->to, room)
                                 : read_plain(l, l->buffer + l->to, room);
    l->end = n == 0;
    l->to += n;
    return n > 0;
}

/* Passes over the line at hand; without an end, over all that there is of it. What follows takes its place, not that of the
 * lines before it. */
static void skip(struct bl_lines *l, const char *end)
{
    const char *rest = end ? end + 1 : l->buffer + l->to;
    size_t n = (size_t)(l->buffer + l->to - rest);
    memmove(l->buffer + l->from, rest, n);
    l->to = l->from + n;
    l->skipping = !end;
}

/* Hands out n bytes as a line and steps over so many. */
static bool hand_out(struct bl_lines *l, size_t n, size_t step, struct bl_str *line)
{
    *line = (struct bl_str){l->buffer + l->from, n};
    l->from += step;
    return true;
}

bool bl_lines_next(struct bl_lines *l, struct bl_str *line, bool *too_long)
{
    *too_long = false;
    for (;;) {
        size_t have = l->to - l->from;
        const char *end = have ? memchr(l->buffer + l->from, '\n', have) : NULL;
        size_t n = end ? (size_t)(end - (l->buffer + l->from)) : have;
        if (l->skipping) {
            skip(l, end);
        } else if (n > BL_LINE_MAX_BYTES) {
            *too_long = true;
            l->skipping = true;
            return hand_out(l, BL_LINE_MAX_BYTES, 0, line);
        } else if (end) {
            return hand_out(l, n, n + 1, line);
        }
        if (!end && !refill(l)) {
            have = l->to - l->from;
            return !l->skipping && have > 0 && !l->failed && hand_out(l, have, have, line);
        }
    }
}

struct bl_str bl_lines_ahead(const struct bl_lines *l)
{
    return l->skipping ? (struct bl_str){NULL, 0} : (struct bl_str){l->buffer + l->from, l->to - l->from};
}

void bl_lines_pass(struct bl_lines *l, size_t n)
{
    assert(!l->skipping && n <= l->to - l->from);
    l->from += n;
}

enum bl_err bl_lines_error(const struct bl_lines *l)
{
    return l->failed ? BL_ERR_IO : BL_OK;
}

bool bl_lines_cut(const struct bl_lines *l)
{
    return l->cut;
}

bool bl_lines_garbage(const struct bl_lines *l)
{
    return l->garbage;
}

void bl_lines_progress(const struct bl_lines *l, int64_t *done, int64_t *size)
{
    *done = l->done;
    *size = l->size;
}

void bl_lines_close(struct bl_lines *l)
{
    if (!l)
        return;
    if (l->kind == GZIP)
        inflateEnd(&l->z);
    close(l->fd);
    free(l);
}
