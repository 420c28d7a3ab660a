/* What serve and worker say of Redis: each change once, not for each attempt to reach it. */
#ifndef BL_MAIN_PRESENCE_H
#define BL_MAIN_PRESENCE_H

#include "bl/config/settings.h"
#include "bl/store/dataset.h"

enum presence { REDIS_UNKNOWN, REDIS_HERE, REDIS_AWAY, REDIS_LOADING, REDIS_UNABLE };

/* `now` is what holds from here on; `why` may be NULL. Logs if that is news. REDIS_HERE is the caller's to tell. */
void presence_set(enum presence *said, enum presence now, const char *why);

/* What the configuration asks of a data set; known_key as there. */
struct bl_dataset_want presence_want(const struct bl_config *config, const struct bl_hash_key *known_key);

#endif
