#include "worker/share.h"

size_t bl_share(size_t partitions, size_t workers, size_t rank)
{
    if (workers == 0)
        return partitions;
    return partitions / workers + (rank < partitions % workers ? 1 : 0);
}

size_t bl_share_rank(const struct bl_str *sorted, size_t n, struct bl_str name)
{
    for (size_t i = 0; i < n; i++)
        if (bl_str_eq(sorted[i], name))
            return i;
    return n;
}

size_t bl_share_start(size_t partitions, size_t workers, size_t rank)
{
    size_t start = 0;
    for (size_t i = 0; i < rank && i < workers; i++)
        start += bl_share(partitions, workers, i);
    return partitions > 0 ? start % partitions : 0;
}
