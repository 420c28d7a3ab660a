/* Private to the core: sentences, and what engine.c and emit.c share. */
#ifndef BL_CORE_STEP_H
#define BL_CORE_STEP_H

#include "bl/core/rule.h"

struct bl_sentence {
    char p[BL_EXPLANATION_MAX_BYTES + BL_METADATA_MAX_BYTES];
    size_t n;
};

/* Fills in a template; see explain.c. */
void bl_explain(const char *template, const struct bl_words *words, struct bl_sentence *out);

/* The mark that remembers ids made at one moment: (rule + variant) as kind of no rule. */
#define BL_MARK_MADE 255

#endif
