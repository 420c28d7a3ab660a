/* What partitions do with the queues of those at hand, and with the count of their bytes. */
#ifndef BL_APP_HAND_PRIVATE_H
#define BL_APP_HAND_PRIVATE_H

#include "bl/app/partition.h"

/* What malloc takes for n bytes. */
size_t hand_chunk(size_t n);
void hand_add(struct bl_hand *h, struct bl_member *m);
void hand_remove(struct bl_hand *h, struct bl_member *m);
/* The state has a block with free room. */
void hand_moved(struct bl_hand *h, struct bl_member *m);

#endif
