/* Memory that is not there: while a worker runs, each of its allocations may fail (support/hunger.h). What the
 * simulation itself needs, also from inside the worker's calls, it gets. A worker without memory gives the partition up
 * and takes it again: all must be as if nothing had happened. */
#include "hunger.h"
#include "sim.h"

static struct sim *hungry;

static bool fails(void)
{
    if (!sim_chance(hungry, hungry->dangers.hunger))
        return false;
    sim_say(hungry, "there is no memory");
    return true;
}

bool memory_hungry(struct sim *s)
{
    bool was = hungry != NULL;
    hungry = s;
    hunger_fails = s ? fails : NULL;
    return was;
}
