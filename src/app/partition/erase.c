/* Erasure in a partition: the clock moves, what is known of the user goes, and a tombstone drops what still comes. */
#include "bl/app/partition.h"

enum bl_err bl_partition_erase(struct bl_partition *p, struct bl_str user_id, int64_t received_ms,
                               int64_t at_ms, bool *forgotten, struct bl_hash128 *oldest)
{
    struct bl_hash128 hash = bl_erased_hash(bl_partition_erased(p)->key, user_id);
    *forgotten = false;
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err == BL_OK)
        err = bl_erased_add(bl_partition_erased(p), hash, at_ms, forgotten, oldest);
    struct bl_member *m = bl_partition_member(p, user_id);
    return err == BL_OK && m ? bl_partition_empty(p, m) : err;
}

enum bl_err bl_partition_readmit(struct bl_partition *p, struct bl_str user_id, int64_t received_ms)
{
    enum bl_err err = bl_partition_advance(p, received_ms);
    if (err == BL_OK)
        (void)bl_erased_remove(bl_partition_erased(p), bl_erased_hash(bl_partition_erased(p)->key, user_id));
    return err;
}
