/* JSON as raw text: where values begin and end. simdjson knows what a value is but not where it stood, and it
 * takes or refuses a text as a whole; batches and metadata "as sent" need the places (SPEC 2.1, 2.2). */
#ifndef BL_WIRE_SCAN_H
#define BL_WIRE_SCAN_H

#include "bl/base/buf.h"

/* Is the whole text one JSON value by its grammar? What stands inside strings (escapes, control characters,
 * UTF-8) and how large numbers are is not looked at: that is the matter of the event it belongs to. `stack`
 * is scratch. */
bool bl_scan_valid(struct bl_str text, struct bl_buf *stack);

/* Of a text that is not one value: does an object follow another? A guess, for the words of the refusal. */
bool bl_scan_looks_like_lines(struct bl_str text);

/* The rest work on text that bl_scan_valid or simdjson has accepted. */

/* The value that begins at or after *at, without the white space around it; *at moves behind it. */
struct bl_str bl_scan_value(struct bl_str text, size_t *at);
/* Walks over the inside of an array or object: start with at = 1. False at the end, where *at is behind it.
 */
bool bl_scan_element(struct bl_str text, size_t *at, struct bl_str *value);
bool bl_scan_member(struct bl_str text, size_t *at, struct bl_str *key, struct bl_str *value);
/* Appends the value without the white space between its tokens. */
void bl_scan_minify(struct bl_str value, struct bl_buf *out);
/* Is the whole string a number in JSON's syntax? */
bool bl_scan_number(struct bl_str s);

#endif
