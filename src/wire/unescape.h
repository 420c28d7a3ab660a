/* The inside of a JSON string as text, for what need not be JSON: an escape must not hide a name. What is no escape is taken
 * as it stands; a lone surrogate becomes three bytes that are not UTF-8. Appends to out. */
#ifndef BL_WIRE_UNESCAPE_H
#define BL_WIRE_UNESCAPE_H

#include "bl/base/buf.h"

void bl_unescape(struct bl_str inside, struct bl_buf *out);

#endif
