/* The last words of a process need no memory, as a line of the log does. */
#include "bl/base/memory.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

void bl_out_of_memory(void)
{
    char line[160], now[32] = "";
    struct tm tm;
    time_t t = time(NULL);
    if (gmtime_r(&t, &tm))
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
    int n =
        snprintf(line, sizeof line,
                 "{\"time\":\"%s\",\"level\":\"error\",\"pid\":%d,\"message\":\"out of memory: the process "
                 "ends\"}\n",
                 now, (int)getpid());
    if (n > 0 && (size_t)n < sizeof line && write(STDERR_FILENO, line, (size_t)n) < 0)
        _exit(BL_EXIT_NO_MEMORY); /* nobody hears it */
    _exit(BL_EXIT_NO_MEMORY);
}
