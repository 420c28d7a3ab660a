/* `behaviorlens config`: what would be in force, and why. */
#include "commands.h"

#include "bl/config/config.h"

#include <stdio.h>

int bl_main_config(const struct bl_config *config, int argc, char **argv)
{
    struct bl_buf out;
    (void)argv;
    if (argc > 0) {
        fprintf(stderr,
                "behaviorlens config takes no arguments; `behaviorlens config --help` explains it.\n");
        return 2;
    }
    bl_buf_init(&out, 0);
    if (bl_config_int(config, BL_OPTION_JSON))
        bl_config_print_json(config, &out);
    else
        bl_config_print_yaml(config, true, &out);
    bool ok = out.err == BL_OK && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    bl_buf_release(&out);
    return ok ? 0 : 1;
}
