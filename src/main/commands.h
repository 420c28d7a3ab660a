/* The entry of each command: its configuration and the arguments that are no options (argv[0..argc-1]). What
 * it returns is the exit status: 0 done, 1 failed, 2 called wrongly (settings that cannot be
 * read count as that). */
#ifndef BL_MAIN_COMMANDS_H
#define BL_MAIN_COMMANDS_H

#include "bl/config/settings.h"

#define BL_COMMAND(id, name, args, help, words)                                                              \
    int bl_main_##name(const struct bl_config *config, int argc, char **argv);
#include "commands.def"
#undef BL_COMMAND

/* What the first argument of these may be, a line each. */
void inspect_words(struct bl_buf *out);
void rules_words(struct bl_buf *out);
void key_words(struct bl_buf *out);

#endif
