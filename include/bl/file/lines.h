/* Reading a file line by line: plain or gzip, or standard input ("-"). A line longer than BL_LINE_MAX_BYTES
 * is cut off there and told as such; the rest of it is skipped. */
#ifndef BL_FILE_LINES_H
#define BL_FILE_LINES_H

#include "bl/base/err.h"
#include "bl/base/str.h"

#define BL_LINE_MAX_BYTES (1024 * 1024) /* as long as a request may be */

#define BL_LINES_STAY (64 * 1024)

struct bl_lines;

/* BL_ERR_IO: cannot be opened, errno says why. */
BL_CHECKED enum bl_err bl_lines_open(const char *path, struct bl_lines **out);
/* The next line without its end. It stays where it is up to the first call after BL_LINES_STAY bytes of lines have been handed
 * out behind it; one that is too long counts for nothing, and stays until the next call. False at the end, or on an error. */
bool bl_lines_next(struct bl_lines *l, struct bl_str *line, bool *too_long);
/* What has been read and not handed out. It begins with a line; its last one may be cut off. */
struct bl_str bl_lines_ahead(const struct bl_lines *l);
/* Hands out the line that it begins with, whose end the caller has seen: n bytes with the end. */
void bl_lines_pass(struct bl_lines *l, size_t n);
/* BL_OK at a regular end; BL_ERR_IO if reading failed or the gzip data is damaged. */
enum bl_err bl_lines_error(const struct bl_lines *l);
/* After an error: the gzip data ended before its end. */
bool bl_lines_cut(const struct bl_lines *l);
/* At the end: bytes follow the gzip data that are neither gzip nor zeros. They were passed over. */
bool bl_lines_garbage(const struct bl_lines *l);
/* Bytes of the file consumed so far and its size; size is -1 where it is not known (pipes). */
void bl_lines_progress(const struct bl_lines *l, int64_t *done, int64_t *size);
void bl_lines_close(struct bl_lines *l);

#endif
