/* The files of the web side as they are embedded (cmake/web.cmake makes the table). */
#ifndef HTTP_WEB_H
#define HTTP_WEB_H

#include <stddef.h>

enum bl_coding { BL_CODING_IDENTITY, BL_CODING_GZIP, BL_CODING_BROTLI, BL_CODING_COUNT };

struct bl_web_bytes {
    const char *p; /* NULL: not there in this coding; the identity always is */
    size_t n;
};

struct bl_web_file {
    const char *path; /* as in the URL */
    const char *etag; /* weak: the same for all codings */
    struct bl_web_bytes bytes[BL_CODING_COUNT];
};

extern const struct bl_web_file bl_web_files[];
extern const size_t bl_web_files_n;

#endif
