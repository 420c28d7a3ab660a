#include "bl/base/memory.h"
#include "bl/base/log.h"

#include <unistd.h>

void bl_out_of_memory(void)
{
    bl_log_plain(BL_LOG_ERROR, "out of memory: the process ends");
    _exit(BL_EXIT_NO_MEMORY);
}
