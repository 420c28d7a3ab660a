/* h2o's parser, replaced by ours. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "head.h"

/* h2o has been handed a head that was refused (its target is the `target` of a request): what is wrong with it.
 * BL_HEAD_OK: it is a request. */
enum bl_head_fault bl_parser_fault(const char *target);
/* Heads read so far: none when a request is there means that libh2o uses another parser. */
uint64_t bl_parser_heads(void);

#endif
