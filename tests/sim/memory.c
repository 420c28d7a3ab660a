/* Memory that is not there: while a worker runs, each of its allocations may fail (the linker leads them here). What the
 * simulation itself needs, also from inside the worker's calls, it gets. A worker without memory gives the partition up
 * and takes it again: all must be as if nothing had happened. */
#include "sim.h"

static struct sim *hungry;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

bool memory_hungry(struct sim *s)
{
    bool was = hungry != NULL;
    hungry = s;
    return was;
}

static bool fails(void)
{
    if (!hungry || !sim_chance(hungry, hungry->dangers.hunger))
        return false;
    sim_say(hungry, "there is no memory");
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}
