/* Preloaded into a program under test: from the allocation number NO_MEMORY_AT on, counted since it began, NO_MEMORY_N of
 * them (1 if it is not set) fail. Those of libraries count like its own. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long made;
static long from = -1, n;
static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t), *(*real_realloc)(void *, size_t);
static char early[8192]; /* for what dlsym itself asks for */
static size_t early_used;

static void set_up(void)
{
    static atomic_int begun;
    if (atomic_fetch_add(&begun, 1) > 0)
        return;
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    const char *at = getenv("NO_MEMORY_AT"), *many = getenv("NO_MEMORY_N");
    n = many ? strtol(many, NULL, 10) : 1;
    from = at ? strtol(at, NULL, 10) : -1;
}

static int fails(void)
{
    long i = atomic_fetch_add(&made, 1);
    if (from < 0 || i < from || i >= from + n)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    if (!real_malloc)
        set_up();
    return fails() ? NULL : real_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (!real_calloc) {
        set_up();
        if (!real_calloc) {
            void *p = early + early_used;
            early_used += (count * size + 15) & ~(size_t)15;
            return early_used <= sizeof early ? p : NULL;
        }
    }
    return fails() ? NULL : real_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    if (!real_realloc)
        set_up();
    return fails() ? NULL : real_realloc(p, size);
}

void __assert_fail(const char *what, const char *file, unsigned line, const char *function);

/* glibc's own needs memory to say which assertion it was. */
void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s:%u: %s: assertion `%s' failed\n", file, line, function, what);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    abort();
}
