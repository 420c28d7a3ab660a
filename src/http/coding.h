/* Which coding of a file a client gets (RFC 9110, 12.5.3). */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include "bl/base/str.h"
#include "web.h"

/* The one the client wants most, among those the file is there in; of equals the smallest. The identity if it excludes
 * all, which is better than no answer. */
enum bl_coding bl_coding_choose(struct bl_str accept, const struct bl_web_file *f);
/* For Content-Encoding; NULL: the identity. */
const char *bl_coding_name(enum bl_coding coding);

#endif
