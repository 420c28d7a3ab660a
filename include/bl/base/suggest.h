/* "Did you mean …?", for options, commands, keys of a file and paths. */
#ifndef BL_BASE_SUGGEST_H
#define BL_BASE_SUGGEST_H

#include "bl/base/str.h"

/* The nearest of `names` to what was typed, or NULL if none is near. */
const char *bl_suggest(struct bl_str typed, const char *const *names, size_t n);

#endif
