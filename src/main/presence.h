/* What the processes on a data set say of Redis: each change once, not for each attempt to reach it. */
#ifndef BL_MAIN_PRESENCE_H
#define BL_MAIN_PRESENCE_H

#include "bl/config/settings.h"
#include "bl/store/dataset.h"

enum presence { REDIS_UNKNOWN, REDIS_HERE, REDIS_AWAY, REDIS_LOADING, REDIS_UNABLE };

/* `now` is what holds from here on; `why` may be NULL. Logs if that is news. REDIS_HERE is the caller's to tell. */
void presence_set(enum presence *said, enum presence now, const char *why);

/* The link is down. */
void presence_lost(enum presence *said, const struct bl_link *link);
/* The data set could not be opened, for `why` (may be NULL); nothing new if the link is down. */
void presence_unable(enum presence *said, const struct bl_link *link, const char *why);

/* What the configuration asks of a data set; known_key as there. */
struct bl_dataset_want presence_want(const struct bl_config *config, const struct bl_hash_key *known_key);

#endif
