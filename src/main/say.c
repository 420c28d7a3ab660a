#include "say.h"

#include <stdio.h>
#include <string.h>

void say_problems(const char *command, struct bl_str lines)
{
    while (lines.n > 0) {
        const char *end = memchr(lines.p, '\n', lines.n);
        size_t n = end ? (size_t)(end - lines.p) : lines.n;
        fprintf(stderr, "behaviorlens %s: ", command);
        fwrite(lines.p, 1, n, stderr);
        fputc('\n', stderr);
        n += end != NULL;
        lines = (struct bl_str){lines.p + n, lines.n - n};
    }
}
