/* The table of options as data, made from options.def. `config` takes every option that it prints. */
#include "internal.h"

#include "bl/core/tunable.h"

const struct option_info bl_options[BL_OPTION_COUNT] = {
#define BL_OPTION(id, name_, type_, def_, min_, max_, value_, commands_, help_)                              \
    [BL_OPTION_##id] = {.name = (name_),                                                                     \
                        .env = "BL_" #id,                                                                    \
                        .def = (def_),                                                                       \
                        .value = (value_),                                                                   \
                        .help = (help_),                                                                     \
                        .type = BL_OPT_##type_,                                                              \
                        .commands = (commands_) | ((commands_)&BL_ONCE ? 0 : BL_FOR_CONFIG),                 \
                        .min = (min_),                                                                       \
                        .max = (max_)},
#include "bl/config/options.def"
#undef BL_OPTION
};

bool bl_name_same(struct bl_str typed, const char *name)
{
    size_t i = 0;
    for (; i < typed.n && name[i]; i++)
        if (typed.p[i] != name[i] && !(typed.p[i] == '_' && name[i] == '-'))
            return false;
    return i == typed.n && name[i] == '\0';
}

enum bl_option_id bl_option_of(struct bl_str name)
{
    for (int id = 0; id < BL_OPTION_COUNT; id++)
        if (bl_name_same(name, bl_options[id].name))
            return (enum bl_option_id)id;
    return BL_OPTION_COUNT;
}
