/* The program's settings: one table (options.def) from which flags, environment, YAML, --help, `config` and the
 * README come, plus a section per rule read from the rules' descriptors. Precedence: flag, environment, file,
 * default. */
#ifndef BL_CONFIG_SETTINGS_H
#define BL_CONFIG_SETTINGS_H

#include "bl/base/buf.h"
#include "bl/core/settings.h"

enum bl_option_type { BL_OPT_TEXT, BL_OPT_COUNT, BL_OPT_MS, BL_OPT_BYTES, BL_OPT_FLAG, BL_OPT_CHOICE };

#define BL_OPTION(id, name, type, def, min, max, commands, help) BL_OPTION_##id,
enum bl_option_id {
#include "bl/config/options.def"
    BL_OPTION_COUNT
};
#undef BL_OPTION

#endif
