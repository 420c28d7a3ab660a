/* What a command has to say of its configuration, on standard error. */
#ifndef BL_MAIN_SAY_H
#define BL_MAIN_SAY_H

#include "bl/base/str.h"

/* Each line on a line of its own, behind the name of the program and of the command. */
void say_problems(const char *command, struct bl_str lines);

#endif
