/* What the two ways of `replay` share. */
#ifndef BL_MAIN_REPLAY_H
#define BL_MAIN_REPLAY_H

#include "bl/app/ledger.h"
#include "bl/config/settings.h"
#include "bl/wire/decode.h"

typedef enum bl_err replay_line_fn(void *ctx, struct bl_str line, struct bl_problem *problem);

/* Calls fn for each line, reports rejected ones on standard error, shows progress on a terminal. */
BL_CHECKED enum bl_err replay_read(const char *path, replay_line_fn *fn, void *ctx);
/* The sorted ledger as NDJSON on standard output. */
BL_CHECKED enum bl_err replay_print(const struct bl_ledger *ledger);
/* Under the settings of --compare as well; prints what would change. */
BL_CHECKED enum bl_err replay_compare(const struct bl_config *config, const char *path);
/* Through Redis and real workers: --redis URL or --redis private. */
BL_CHECKED enum bl_err replay_through_store(const struct bl_config *config, const char *path);

#endif
