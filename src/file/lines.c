/* Lines out of zlib's gzread, which hands plain files through as they are. One buffer holds at least one
 * longest line; what is left of it moves to the front before each read. */
#include "bl/file/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER_BYTES (2 * BL_LINE_MAX_BYTES)
/* At a time: what was read should still be in the cache when it is looked at. zlib hands plain files straight
 * through if its own buffer is at most half of that. */
#define READ_BYTES (256 * 1024)

struct bl_lines {
    gzFile file;
    int64_t size;
    size_t from, to; /* what is read and not handed out */
    bool end, skipping, failed, cut;
    char buffer[BUFFER_BYTES];
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
    l->size = S_ISREG(st.st_mode) ? st.st_size : -1;
    l->file = gzdopen(fd, "rb");
    if (!l->file) {
        close(fd);
        free(l);
        return BL_ERR_NO_MEMORY;
    }
    gzbuffer(l->file, READ_BYTES / 2);
    *out = l;
    return BL_OK;
}

static bool refill(struct bl_lines *l)
{
    if (l->end)
        return false;
    memmove(l->buffer, l->buffer + l->from, l->to - l->from);
    l->to -= l->from;
    l->from = 0;
    size_t room = sizeof l->buffer - l->to;
    int n = gzread(l->file, l->buffer + l->to, (unsigned)(room < READ_BYTES ? room : READ_BYTES));
    if (n <= 0) {
        int code;
        gzerror(l->file, &code);
        l->failed = n < 0 || (code != Z_OK && code != Z_STREAM_END);
        l->cut = code == Z_BUF_ERROR;
        l->end = true;
        return false;
    }
    l->to += (size_t)n;
    return true;
}

/* Hands out n bytes as a line and steps over them and `skip` more. */
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
            l->from += end ? n + 1 : n;
            l->skipping = !end;
        } else if (n > BL_LINE_MAX_BYTES) {
            *too_long = true;
            l->skipping = true;
            return hand_out(l, BL_LINE_MAX_BYTES, BL_LINE_MAX_BYTES, line);
        } else if (end) {
            return hand_out(l, n, n + 1, line);
        }
        if (!end && !refill(l)) {
            have = l->to - l->from;
            return !l->skipping && have > 0 && !l->failed && hand_out(l, have, have, line);
        }
    }
}

enum bl_err bl_lines_error(const struct bl_lines *l)
{
    return l->failed ? BL_ERR_IO : BL_OK;
}

bool bl_lines_cut(const struct bl_lines *l)
{
    return l->cut;
}

void bl_lines_progress(const struct bl_lines *l, int64_t *done, int64_t *size)
{
    *done = gzoffset(l->file);
    *size = l->size;
}

void bl_lines_close(struct bl_lines *l)
{
    if (!l)
        return;
    gzclose(l->file);
    free(l);
}
